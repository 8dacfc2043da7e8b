#include "millrace/loader/images/datasets/image_files.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "millrace/loader/dataset.h"
#include "millrace/loader/images/datasets/image_file.h"
#include "millrace/loader/images/datasets/picture_listing.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

// Whether there is something by that name that is no directory: whatever it is, it is named as a picture.
bool is_file(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return fs::exists(status) && !fs::is_directory(status);
}

}  // namespace

ImageFiles::ImageFiles(const std::string& path) : root_(detail::user_path(path)) {
  if (is_file(root_)) {
    const fs::path file(root_);
    root_ = file.parent_path().string();
    files_ = SharedStrings::make(std::vector<std::string>{file.filename().string()});
    return;
  }
  detail::PictureListing listing("image_files", "ImageFiles wants a directory with pictures, or one picture", root_);
  files_ = SharedStrings::make(listing.pictures(""));
  listing.tell_left_out();
}

std::string ImageFiles::describe(size_t i) const {
  detail::require_index("ImageFiles", i, size());
  return (fs::path(root_) / files_[i]).string();
}

SampleSpec ImageFiles::spec() const { return {detail::image_field(pictures_, describe(0))}; }

void ImageFiles::read(size_t i, SampleRow& row, SampleContext& context) const {
  transforms::Targets none;
  detail::read_image(describe(i), pictures_, context.rng(), row.spec().fields[0], row.bytes(0), none);
}

}  // namespace millrace
