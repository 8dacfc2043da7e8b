#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/mapped_shards.h"
#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/sample.h"
#include "millrace/sharing/memory/shared_table.h"

namespace millrace {

/// TFRecord files of tf.train.Example, as TensorFlow's TFRecordWriter writes them uncompressed, with random access.
///
///   TfRecords records("train-{00000..01023}-of-01024.tfrecord", {"image/encoded", "image/class/label"});
///   ShardShuffleSampler order(records.shard_sizes());
///
/// Where the records lie is found out when a file is opened for the first time, from their lengths, which have
/// checksums; the records themselves are not read, so that a file costs one page of it a record. It is kept in an index
/// beside the file where this user may write, as for tar shards. Each record is checked by its checksum whenever it is
/// read.
///
/// The list of records is one piece of memory for all processes. A value: copies share it, and each maps the files for
/// itself. One copy serves one thread, and the loader gives every worker its own; any thread may call the const
/// methods. Errors are std::runtime_error: one line with file, byte and cure. Do not cut a file short while it is in
/// use: reading what is gone may kill the process with SIGBUS.
class TfRecords {
 public:
  TfRecords() = default;  ///< For the receiving side of serialize().

  /// Opens all files that `pattern` stands for; see brace_expansion.h, and "::" between patterns. `features` are those
  /// to read; without them all are. The first record must be an Example that has them. Throws std::invalid_argument for
  /// braces that are not balanced.
  explicit TfRecords(const std::string& pattern, std::vector<std::string> features = {});

  size_t size() const { return shard_ends_.empty() ? 0 : shard_ends_.back(); }

  /// The number of records in each file, for ShardShuffleSampler.
  std::vector<int64_t> shard_sizes() const;

  /// "train-00000.tfrecord, record 17 at byte 2048". Throws std::out_of_range unless i < size(), as all methods with an
  /// index.
  std::string describe(size_t i) const;

  /// The bytes of record i, in the mapped file: valid until the next call on this copy.
  std::string_view payload(size_t i);

  /// The features of record i: lists of integers as tensors int64 {values}, lists of floats as float32 {values}, bytes
  /// as a string. Features of several byte strings are an error where they are to be read.
  Sample get(size_t i);

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  size_t shard_of(size_t i) const;
  uint64_t offset_of(size_t i) const { return offsets_.as<uint64_t>()[i]; }
  std::runtime_error error_at(size_t i, const std::string& what) const;

  std::vector<std::string> features_;
  SharedStrings paths_;
  std::vector<FileStamp> stamps_;
  std::vector<uint64_t> shard_ends_;  // Shard s has records shard_ends_[s - 1] .. shard_ends_[s] - 1.
  detail::SharedBytes offsets_;       // Where each record begins in its file.
  detail::MappedShards shards_;
};

}  // namespace millrace
