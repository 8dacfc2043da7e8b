#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::detail {

/// Reads pieces of shards and keeps the shards open: opening a file costs as much as reading a small one, and on a
/// network's file system much more. Shards are read and not mapped, so that a disk error is an exception and not the
/// process's end.
///
/// For one thread. Copies begin with nothing open, so a dataset that has one copies as a value.
class ShardReader {
 public:
  ShardReader() = default;
  ShardReader(const ShardReader& /*other*/) {}
  ShardReader& operator=(const ShardReader& other);

  /// Reads `size` bytes from `offset` of shard number `shard`, the file `path`. Afterwards it makes sure that the file
  /// still is as it was at `stamp`. The bytes are valid until the next call. Throws TarError when the shard is gone or
  /// has changed, SyscallError.
  std::span<const std::byte> read(size_t shard, std::string_view path, const FileStamp& stamp, uint64_t offset,
                                  uint64_t size);

 private:
  /// The most shards kept open: a process may have 1024 files open on most machines, and others need some.
  static constexpr size_t kMostOpen = 64;

  int open(size_t shard, std::string_view path, const FileStamp& stamp);

  std::unordered_map<size_t, OwnedFd> open_;
  std::vector<std::byte> buffer_;
};

}  // namespace millrace::detail
