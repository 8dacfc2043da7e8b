#include "millrace/loader/images/datasets/manifest.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/loader/dataset.h"
#include "millrace/loader/images/datasets/image_file.h"
#include "millrace/loader/images/datasets/manifest_columns.h"
#include "millrace/loader/images/datasets/mask_classes.h"
#include "millrace/loader/images/datasets/partner_folders.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

using transforms::TargetBox;

/// Leaves room for the row with most boxes, or makes sure that there is.
void set_max_boxes(ImageManifestOptions& options, const std::string& path, const std::vector<uint64_t>& box_ends) {
  uint64_t begin = 0, most = 0;
  size_t most_at = 0;
  for (size_t i = 0; i < box_ends.size(); begin = box_ends[i++]) {
    if (box_ends[i] - begin <= most) continue;
    most = box_ends[i] - begin;
    most_at = i;
  }
  if (!options.max_boxes) options.max_boxes = static_cast<int64_t>(most);
  if (*options.max_boxes < 0)
    throw std::invalid_argument("ImageManifest: max_boxes must be 0 or more, got " +
                                std::to_string(*options.max_boxes));
  if (*options.max_boxes < static_cast<int64_t>(most))
    throw std::invalid_argument("ImageManifest: max_boxes is " + std::to_string(*options.max_boxes) + ", but picture " +
                                std::to_string(most_at) + " of " + in_quotes(path) + " has " + counted(most, "box") +
                                ": raise it, or leave it out");
}

}  // namespace

ImageManifest::ImageManifest(const std::string& given, ImageManifestOptions options) : options_(std::move(options)) {
  const std::string path = detail::user_path(given);
  options_.root = detail::user_path(options_.root);
  if (options_.image.empty())
    throw std::invalid_argument("ImageManifest: image: the column of the pictures needs a name");
  detail::require_mask_values(options_.mask_values);
  if (options_.root.empty()) options_.root = std::filesystem::path(path).parent_path().string();
  {
    const detail::ManifestColumns columns = detail::read_manifest(path, options_);
    if (!options_.boxes.empty()) set_max_boxes(options_, path, columns.box_ends);
    images_ = columns.images.share();
    masks_ = columns.masks.share();
    classes_ = columns.labels.classes();
    labels_ = options_.label_type == LabelType::kClass
                  ? detail::SharedBytes::of("labels of a manifest", columns.labels.labels())
                  : detail::SharedBytes::of("labels of a manifest", columns.numbers);
    box_ends_ = detail::SharedBytes::of("boxes of a manifest", columns.box_ends);
    boxes_ = detail::SharedBytes::of("boxes of a manifest", columns.boxes);
  }
  ::malloc_trim(0);  // The columns' memory, of which the allocator would keep up to 64 MB.
}

ImageManifest ImageManifest::with_masks(const std::string& images, const std::string& masks,
                                        std::vector<int64_t> mask_values) {
  detail::require_mask_values(mask_values);
  const std::filesystem::path image_root = detail::user_path(images), mask_root = detail::user_path(masks);
  auto partners = detail::find_partners("image_masks", image_root.string(), mask_root.string());
  for (std::string& path : partners.first) path = (image_root / path).string();
  for (std::string& path : partners.second) path = (mask_root / path).string();
  ImageManifest pictures;
  pictures.options_ = {.label = "", .mask = "mask", .mask_values = std::move(mask_values)};
  pictures.images_ = SharedStrings::make(partners.first);
  pictures.masks_ = SharedStrings::make(partners.second);
  return pictures;
}

std::string ImageManifest::full(std::string_view path) const {
  return (std::filesystem::path(options_.root) / path).string();  // An absolute path stays what it is.
}

std::string ImageManifest::describe(size_t i) const {
  detail::require_index("ImageManifest", i, size());
  return full(images_[i]);
}

void ImageManifest::require_type(LabelType type) const {
  if (options_.label_type == type) return;
  throw std::logic_error(type == LabelType::kClass
                             ? "ImageManifest: its labels are numbers and no classes"
                             : "ImageManifest: its labels are classes, not of LabelType::kNumber");
}

int64_t ImageManifest::label(size_t i) const {
  require_type(LabelType::kClass);
  const auto labels = labels_.as<int64_t>();
  detail::require_index("ImageManifest: labels", i, labels.size());
  return labels[i];
}

float ImageManifest::number(size_t i) const {
  require_type(LabelType::kNumber);
  const auto numbers = labels_.as<float>();
  detail::require_index("ImageManifest: labels", i, numbers.size());
  return numbers[i];
}

std::span<const TargetBox> ImageManifest::boxes(size_t i) const {
  const auto ends = box_ends_.as<uint64_t>();
  detail::require_index("ImageManifest: boxes", i, ends.size());
  const auto all = boxes_.as<TargetBox>();
  // Copied before they are checked: whoever sent the manifest may still be able to write to it.
  const uint64_t begin = i == 0 ? 0 : ends[i - 1], end = ends[i];
  if (begin > end || end > all.size())
    throw DecodeError("boxes of picture " + std::to_string(i) + " of a manifest lie outside its memory");
  return all.subspan(begin, end - begin);
}

std::string ImageManifest::mask_path(size_t i) const {
  detail::require_index("ImageManifest: masks", i, masks_.size());
  return full(masks_[i]);
}

SampleSpec ImageManifest::spec() const {
  const FieldSpec image = detail::image_field(pictures_, describe(0));
  SampleSpec spec{image};
  const auto label_type = options_.label_type == LabelType::kClass ? c10::ScalarType::Long : c10::ScalarType::Float;
  if (!options_.label.empty()) spec.fields.push_back({"label", label_type, {}});
  if (!options_.boxes.empty()) {
    spec.fields.push_back({"boxes", c10::ScalarType::Float, {*options_.max_boxes, 4}});
    spec.fields.push_back({"boxes.count", c10::ScalarType::Long, {}});
  }
  if (!options_.mask.empty())
    spec.fields.push_back({"mask", c10::ScalarType::Byte, {1, image.shape[1], image.shape[2]}});
  return spec;
}

void ImageManifest::read(size_t i, SampleRow& row, SampleContext& context) const {
  thread_local transforms::Targets targets;
  targets.clear();
  if (!options_.boxes.empty()) targets.boxes.assign(boxes(i).begin(), boxes(i).end());
  if (!options_.mask.empty()) detail::add_mask(mask_path(i), pictures_.options, options_.mask_values, targets);
  detail::read_image(describe(i), pictures_, context.rng(), row.spec().fields[0], row.bytes(0), targets);

  if (!options_.label.empty()) {
    if (options_.label_type == LabelType::kClass)
      row.set<int64_t>("label", label(i));
    else
      row.set<float>("label", number(i));
  }
  if (!options_.boxes.empty()) {
    const auto to = row.span<float>("boxes");
    const size_t count = targets.boxes.size() * std::tuple_size_v<TargetBox>;
    if (count > to.size()) throw DecodeError("a manifest has more boxes than max_boxes");
    std::fill(to.begin() + static_cast<std::ptrdiff_t>(count), to.end(), 0.0F);
    auto next = to.begin();
    for (const TargetBox& box : targets.boxes) next = std::copy(box.begin(), box.end(), next);
    row.set<int64_t>("boxes.count", static_cast<int64_t>(targets.boxes.size()));
  }
  if (!options_.mask.empty()) std::ranges::copy(targets.masks(), row.span<uint8_t>("mask").begin());
}

void ImageManifest::save(EncodeArchive& archive) const {
  archive(options_, classes_, images_, masks_, labels_, box_ends_, boxes_, pictures_);
}

void ImageManifest::load(DecodeArchive& archive) {
  archive(options_, classes_, images_, masks_, labels_, box_ends_, boxes_, pictures_);
  const auto fits = [&](const std::string& column, size_t rows) { return column.empty() || rows == images_.size(); };
  const auto ends = box_ends_.as<uint64_t>();
  const size_t bytes_of_label = options_.label_type == LabelType::kClass ? sizeof(int64_t) : sizeof(float);
  if (!fits(options_.label, labels_.size() / bytes_of_label) || !fits(options_.mask, masks_.size()) ||
      !fits(options_.boxes, ends.size()))
    throw DecodeError("an ImageManifest has columns of different lengths");
}

}  // namespace millrace
