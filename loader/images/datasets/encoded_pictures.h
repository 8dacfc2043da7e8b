#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/images/datasets/picture_dataset.h"
#include "millrace/loader/sample.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {

namespace detail {

/// The bytes of a field that is a string or a tensor of bytes. Throws std::runtime_error for any other.
std::span<const std::byte> bytes_of_field(const Sample& sample, const std::string& name);

/// The whole number of a field that is an integer, or a tensor of one. Throws std::runtime_error for any other.
int64_t number_of_field(const Sample& sample, const std::string& name);

}  // namespace detail

/// A dataset whose samples have files of pictures among their values, as their bytes.
template <class D>
concept DatasetOfFiles = requires(D dataset, size_t i) {
  { dataset.get(i) } -> std::convertible_to<Sample>;
  { dataset.describe(i) } -> std::convertible_to<std::string>;
  { dataset.size() } -> std::convertible_to<size_t>;
};

/// The pictures that another dataset has in its samples, decoded:
///
///   TfRecords records("train-{00000..01023}-of-01024.tfrecord", {"image/encoded", "image/class/label"});
///   auto photos = EncodedPictures(records, "image/encoded", "image/class/label").transform(RandomResizedCrop(224));
///   auto pages = EncodedPictures(LmdbDataset("pages.lmdb"), "value");
///
/// Samples: "image" {channels, height, width}, uint8 or what the transform makes of it, and "label" int64 {} where a
/// field of it is named. What the bytes contain is found out from them, as ImageFolder does. For threads the rules of
/// the other dataset hold. Errors: std::runtime_error in one line, with what the other dataset calls the sample.
template <DatasetOfFiles D>
class EncodedPictures : public PictureDataset<EncodedPictures<D>> {
 public:
  EncodedPictures() = default;  ///< For the receiving side of serialize().

  /// `image` and `label` are fields of the samples; no label: "".
  EncodedPictures(D files, std::string image, std::string label = {})
      : files_(std::move(files)), image_(std::move(image)), label_(std::move(label)) {}

  size_t size() const { return files_.size(); }
  std::string describe(size_t i) const { return files_.describe(i); }

  /// Those of the other dataset, for ShardShuffleSampler.
  auto shard_sizes() const
    requires requires(const D& files) { files.shard_sizes(); } {
    return files_.shard_sizes();
  }

  /// What a sample looks like. Where the transform leaves sizes as they are, all pictures must have the size of the
  /// first, which is read here.
  SampleSpec spec() {
    SampleSpec spec;
    Sample first;  // Has the bytes while they are looked at.
    const auto file = [&] {
      first = files_.get(0);
      return detail::bytes_of_field(first, image_);
    };
    try {
      spec.fields.push_back(this->pictures_.field(file));
    } catch (const std::invalid_argument&) {
      throw;  // Not the file's fault.
    } catch (const std::exception& error) {
      throw std::runtime_error("cannot find the size of the first picture, " + in_quotes(describe(0)) + ": " +
                               error.what());
    }
    if (!label_.empty()) spec.fields.push_back({"label", c10::ScalarType::Long, {}});
    return spec;
  }

  void read(size_t i, SampleRow& row, SampleContext& context) {
    const Sample sample = files_.get(i);
    transforms::Targets none;
    try {
      this->pictures_.render(detail::bytes_of_field(sample, image_), context.rng(), row.spec().fields[0], row.bytes(0),
                             none);
      if (!label_.empty()) row.set<int64_t>("label", detail::number_of_field(sample, label_));
    } catch (const std::exception& error) {
      throw std::runtime_error("cannot read " + in_quotes(describe(i)) + ": " + error.what());
    }
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(files_, image_, label_, this->pictures_);
  }

 private:
  D files_;
  std::string image_;
  std::string label_;
};

}  // namespace millrace
