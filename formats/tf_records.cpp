#include "millrace/formats/tf_records.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "millrace/formats/tf_example.h"
#include "millrace/formats/tf_record_index.h"
#include "millrace/formats/tf_record_scan.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/datasets/brace_expansion.h"
#include "millrace/loader/stages.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

constexpr const char* kFormat = "tfrecord: ";

}  // namespace

TfRecords::TfRecords(const std::string& pattern, std::vector<std::string> features) : features_(std::move(features)) {
  std::vector<std::string> paths;
  std::vector<uint64_t> offsets;
  for (const std::string& given : expand_shards(pattern)) {
    detail::MappedFile file;
    try {
      file = detail::MappedFile(given);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(kFormat + std::string(error.what()));
    }
    paths.push_back(file.path());
    stamps_.push_back(file.stamp());
    try {
      const auto found = detail::open_tf_record_index(file);
      offsets.insert(offsets.end(), found.begin(), found.end());
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(kFormat + in_quotes(file.path()) + " " + error.what());
    }
    shard_ends_.push_back(offsets.size());
  }
  paths_ = SharedStrings::make(paths);
  offsets_ = detail::SharedBytes::of("records of TFRecord files", offsets);
  if (size() > 0) get(0);  // What is no Example, or lacks a feature, is told here and not by a worker.
}

std::vector<int64_t> TfRecords::shard_sizes() const {
  std::vector<int64_t> sizes;
  uint64_t begin = 0;
  for (const uint64_t end : shard_ends_) sizes.push_back(static_cast<int64_t>(end - std::exchange(begin, end)));
  return sizes;
}

size_t TfRecords::shard_of(size_t i) const {
  detail::require_index("TfRecords", i, size());
  return static_cast<size_t>(std::upper_bound(shard_ends_.begin(), shard_ends_.end(), i) - shard_ends_.begin());
}

std::string TfRecords::describe(size_t i) const {
  const size_t shard = shard_of(i);
  return std::string(paths_[shard]) + ", record " + std::to_string(i - (shard == 0 ? 0 : shard_ends_[shard - 1])) +
         " at byte " + std::to_string(offset_of(i));
}

std::runtime_error TfRecords::error_at(size_t i, const std::string& what) const {
  return std::runtime_error(kFormat + in_quotes(paths_[shard_of(i)]) + " " + what);
}

std::string_view TfRecords::payload(size_t i) {
  const StageScope reading(Stage::kRead);
  const size_t shard = shard_of(i);
  std::span<const std::byte> file;
  try {
    file = shards_.bytes(shard, paths_[shard], stamps_[shard]);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(kFormat + std::string(error.what()));
  }
  try {
    const std::string_view record = detail::tf_record_at(file, offset_of(i));
    reading.add_bytes(record.size());
    return record;
  } catch (const std::runtime_error& error) {
    throw error_at(i, error.what());
  }
}

Sample TfRecords::get(size_t i) {
  const std::string_view bytes = payload(i);
  const StageScope decoding(Stage::kDecode);
  Sample sample;
  try {
    sample = detail::parse_tf_example(bytes, features_);
  } catch (const std::runtime_error& error) {
    throw error_at(i, "has a record at byte " + std::to_string(offset_of(i)) + " that " + error.what());
  }
  try {
    shards_.require_unchanged(shard_of(i));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(kFormat + std::string(error.what()));
  }
  return sample;
}

void TfRecords::save(EncodeArchive& archive) const { archive(features_, paths_, stamps_, shard_ends_, offsets_); }

void TfRecords::load(DecodeArchive& archive) {
  archive(features_, paths_, stamps_, shard_ends_, offsets_);
  const bool fits = paths_.size() == shard_ends_.size() && stamps_.size() == shard_ends_.size() &&
                    std::is_sorted(shard_ends_.begin(), shard_ends_.end()) && offsets_.as<uint64_t>().size() == size();
  if (!fits) throw DecodeError("the tables of TFRecord files do not fit each other");
}

}  // namespace millrace
