#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>

#include "millrace/loader/datasets/mapped_file.h"

namespace millrace::detail {

/// Maps the files of a dataset when they are read, and keeps them mapped.
///
/// For one thread. Copies begin with nothing mapped, so a dataset that has one copies as a value.
class MappedShards {
 public:
  MappedShards() = default;
  MappedShards(const MappedShards& /*other*/) {}
  MappedShards& operator=(const MappedShards& other);

  /// The bytes of shard number `shard`, the file `path`, which still is as it was at `stamp`; they are valid until the
  /// next call. Throws std::runtime_error, without the format's name, when the file is gone or has changed.
  std::span<const std::byte> bytes(size_t shard, std::string_view path, const FileStamp& stamp);

  /// To be called after bytes of the shard were taken: throws as bytes() when it has changed meanwhile.
  void require_unchanged(size_t shard) const;

 private:
  /// The most shards kept open: a process may have 1024 files open on most machines, and others need some.
  static constexpr size_t kMostOpen = 64;

  std::unordered_map<size_t, MappedFile> open_;
};

}  // namespace millrace::detail
