#include "millrace/loader/images/formats/signature.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "millrace/loader/images/formats/bmp.h"
#include "millrace/loader/images/formats/gif.h"
#include "millrace/loader/images/formats/png.h"
#include "millrace/loader/images/formats/pnm.h"
#include "millrace/loader/images/formats/tiff.h"
#include "millrace/loader/images/formats/webp.h"

namespace millrace::image {
namespace {

using std::string_view_literals::operator""sv;

bool has(std::span<const std::byte> file, size_t at, std::string_view magic) {
  return file.size() >= at + magic.size() && std::memcmp(file.data() + at, magic.data(), magic.size()) == 0;
}

/// Files that are known and not read, by what stands in them at a place.
struct Known {
  size_t at;
  std::string_view magic;
  std::string_view name;
};
constexpr Known kKnown[] = {
    {4, "ftypavif"sv, "AVIF picture"},
    {4, "ftypavis"sv, "AVIF picture"},
    {4, "ftyphei"sv, "HEIC picture"},
    {4, "ftyphev"sv, "HEIC picture"},
    {4, "ftypmif1"sv, "HEIF picture"},
    {4, "ftypmsf1"sv, "HEIF picture"},
    {4, "ftyp"sv, "MP4 or QuickTime video"},
    {0, "\0\0\0\x0CjP  \r\n\x87\n"sv, "JPEG 2000 picture"},
    {0, "\xFF\x4F\xFF\x51"sv, "JPEG 2000 picture"},
    {0, "\xFF\x0A"sv, "JPEG XL picture"},
    {0, "\0\0\0\x0CJXL \r\n\x87\n"sv, "JPEG XL picture"},
    {0, "\x76\x2F\x31\x01"sv, "OpenEXR picture"},
    {0, "\0\0\1\0"sv, "ICO picture"},
    {0, "\0\0\2\0"sv, "CUR picture"},
    {0, "icns"sv, "ICNS picture"},
    {0, "8BPS"sv, "Photoshop picture"},
    {0, "gimp xcf"sv, "GIMP picture"},
    {0, "qoif"sv, "QOI picture"},
    {0, "DDS "sv, "DDS picture"},
    {0, "#?RADIANCE"sv, "Radiance HDR picture"},
    {0, "#?RGBE"sv, "Radiance HDR picture"},
    {0, "P7\n"sv, "PAM picture"},
    {0, "PF\n"sv, "PFM picture"},
    {0, "Pf\n"sv, "PFM picture"},
    {0, "\x8AMNG\r\n\x1A\n"sv, "MNG picture"},
    {0, "\x8BJNG\r\n\x1A\n"sv, "JNG picture"},
    {0, "\x59\xA6\x6A\x95"sv, "Sun raster picture"},
    {0, "\x01\xDA"sv, "SGI picture"},
    {0, "farbfeld"sv, "farbfeld picture"},
    {0, "FORM"sv, "IFF picture"},
    {0, "AT&TFORM"sv, "DjVu document"},
    {0, "\xD7\xCD\xC6\x9A"sv, "WMF picture"},
    {0, "SIMPLE  ="sv, "FITS picture"},
    {0, "NITF"sv, "NITF picture"},
    {0, "NSIF"sv, "NITF picture"},
    {128, "DICM"sv, "DICOM picture"},
    {0, "UHL1"sv, "DTED file"},
    {0, "\x89HDF\r\n\x1A\n"sv, "HDF file"},
    {0, "\x0E\x03\x13\x01"sv, "HDF file"},
    {0, "CDF\1"sv, "netCDF file"},
    {0, "CDF\2"sv, "netCDF file"},
    {0, "GRIB"sv, "GRIB file"},
    {0, "%PDF"sv, "PDF document"},
    {0, "%!PS"sv, "PostScript document"},
    {0, "<svg"sv, "SVG picture"},
    {0, "<?xml"sv, "XML or SVG file"},
    {0, "<VRTDataset"sv, "XML or SVG file"},
    {0, "\xEF\xBB\xBF<"sv, "XML or SVG file"},
    {0, "<!DOCTYPE"sv, "HTML page"},
    {0, "<!doctype"sv, "HTML page"},
    {0, "<html"sv, "HTML page"},
    {0, "<HTML"sv, "HTML page"},
    {0, "version https://git-lfs"sv, "Git LFS pointer"},
    {0, "PK\3\4"sv, "ZIP archive"},
    {0, "\x1F\x8B"sv, "gzip file"},
    {0, "\x93NUMPY"sv, "NumPy array"},
    {0, "RIFF"sv, "RIFF file other than WebP"},
};

std::string first_bytes(std::span<const std::byte> file) {
  std::string text;
  for (const std::byte byte : file.first(std::min<size_t>(file.size(), 8))) {
    std::array<char, 4> hex;
    std::snprintf(hex.data(), hex.size(), " %02x", static_cast<unsigned>(byte));
    text += hex.data();
  }
  return text;
}

}  // namespace

bool looks_like_jpeg(std::span<const std::byte> file) { return has(file, 0, "\xFF\xD8\xFF"sv); }

std::unique_ptr<FormatReader> open_by_signature(std::span<const std::byte> file) {
  if (has(file, 0, "\x89PNG\r\n\x1A\n"sv)) return open_png(file);
  if (has(file, 0, "II*\0"sv) || has(file, 0, "MM\0*"sv)) return open_tiff(file);
  if (has(file, 0, "II+\0\x08\0\0\0"sv) || has(file, 0, "MM\0+\0\x08\0\0"sv)) return open_tiff(file);
  if (has(file, 0, "RIFF"sv) && has(file, 8, "WEBP"sv)) return open_webp(file);
  if (has(file, 0, "GIF87a"sv) || has(file, 0, "GIF89a"sv)) return open_gif(file);
  if (looks_like_bmp(file)) return open_bmp(file);
  if (looks_like_pnm(file)) return open_pnm(file);
  for (const auto& [at, magic, name] : kKnown) {
    if (has(file, at, magic))
      throw std::runtime_error(std::string(name) + ": Millrace does not read this format; convert it to PNG or JPEG");
  }
  throw std::runtime_error("not an image: first bytes" + first_bytes(file));
}

}  // namespace millrace::image
