#include "millrace/loader/images/datasets/image_pairs.h"

#include <exception>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/dataset.h"
#include "millrace/loader/images/datasets/image_file.h"
#include "millrace/loader/images/datasets/manifest_columns.h"
#include "millrace/loader/images/datasets/partner_folders.h"
#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/room.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

std::span<const std::byte> read_part(const std::string& path, const PictureOptions& options,
                                     image::Room<std::byte>& buffer) {
  try {
    return detail::read_file(path, options, buffer);
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot read " + in_quotes(path) + ": " + error.what());
  }
}

/// What is wrong with a pair, and in which file that is: each is decoded by itself to find out.
std::runtime_error pair_error(const transforms::OfPair<std::string>& paths,
                              const transforms::OfPair<std::span<const std::byte>>& files,
                              const PictureOptions& options, const std::string& reason) {
  const auto damage = [&](const std::string& path, std::span<const std::byte> file) -> std::string {
    try {
      image::decode(file, options);
      return {};
    } catch (const std::exception& error) {
      return "cannot read " + in_quotes(path) + ": " + error.what();
    }
  };
  std::string text = damage(paths.data, files.data);
  if (text.empty()) text = damage(paths.target, files.target);
  if (text.empty())
    text = "cannot read the pair " + in_quotes(paths.data) + ", " + in_quotes(paths.target) + ": " + reason;
  return std::runtime_error(text);
}

}  // namespace

ImagePairs ImagePairs::in_folders(const std::string& data, const std::string& target) {
  ImagePairs pairs;
  pairs.data_root_ = detail::user_path(data);
  pairs.target_root_ = detail::user_path(target);
  const auto partners = detail::find_partners("image_pairs", pairs.data_root_, pairs.target_root_);
  pairs.data_ = SharedStrings::make(partners.first);
  pairs.targets_ = SharedStrings::make(partners.second);
  return pairs;
}

ImagePairs ImagePairs::in_manifest(const std::string& given, ImagePairsOptions options) {
  for (const auto& [parameter, column] : {std::pair("data", options.data), std::pair("target", options.target)})
    if (column.empty())
      throw std::invalid_argument("ImagePairs: " + std::string(parameter) + ": the column needs a name");
  const std::string path = detail::user_path(given);
  ImageManifestOptions columns_read;
  columns_read.image = options.data;
  columns_read.label = {};
  columns_read.mask = options.target;
  const detail::ManifestColumns columns =
      detail::read_manifest(path, columns_read, {"data", "target", /*are_both_needed=*/true});
  ImagePairs pairs;
  pairs.data_root_ =
      options.root.empty() ? std::filesystem::path(path).parent_path().string() : detail::user_path(options.root);
  pairs.target_root_ = pairs.data_root_;
  pairs.data_ = columns.images.share();
  pairs.targets_ = columns.masks.share();
  return pairs;
}

ImagePairs ImagePairs::color_changes(ColorChanges changes) const {
  ImagePairs pairs = *this;
  pairs.changes_ = changes;
  return pairs;
}

std::string ImagePairs::data_path(size_t i) const {
  detail::require_index("ImagePairs", i, size());
  return (std::filesystem::path(data_root_) / data_[i]).string();
}

std::string ImagePairs::target_path(size_t i) const {
  detail::require_index("ImagePairs", i, size());
  return (std::filesystem::path(target_root_) / targets_[i]).string();
}

std::string ImagePairs::describe(size_t i) const { return data_path(i) + ", " + target_path(i); }

SampleSpec ImagePairs::spec() const {
  const auto [data, target] = pair_fields(pictures_, changes_, detail::image_field(pictures_, data_path(0)));
  return {data, target};
}

void ImagePairs::read(size_t i, SampleRow& row, SampleContext& context) const {
  thread_local transforms::OfPair<image::Room<std::byte>> buffers;
  const transforms::OfPair<std::string> paths = {data_path(i), target_path(i)};
  const transforms::OfPair<std::span<const std::byte>> files = {
      read_part(paths.data, pictures_.options, buffers.data),
      read_part(paths.target, pictures_.options, buffers.target)};
  const auto& shape = row.spec().fields[0].shape;
  const image::Size size = {static_cast<int>(shape[1]), static_cast<int>(shape[2])};
  try {
    render_pair(pictures_, changes_, files, context.rng(), size, {row.bytes(0), row.bytes(1)});
  } catch (const std::exception& error) {
    throw pair_error(paths, files, pictures_.options, error.what());
  }
}

void ImagePairs::save(EncodeArchive& archive) const {
  archive(data_root_, target_root_, data_, targets_, changes_, pictures_);
}

void ImagePairs::load(DecodeArchive& archive) {
  archive(data_root_, target_root_, data_, targets_, changes_, pictures_);
  if (data_.size() != targets_.size()) throw DecodeError("an ImagePairs has columns of different lengths");
}

}  // namespace millrace
