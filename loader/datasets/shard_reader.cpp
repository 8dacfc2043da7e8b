#include "millrace/loader/datasets/shard_reader.h"

#include <unistd.h>

#include <string>
#include <utility>

#include "millrace/loader/stages.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {
namespace {

void require_unchanged(int fd, std::string_view path, const FileStamp& stamp) {
  if (stamp_of(fd, std::string(path)) != stamp)
    throw TarError("tar: " + in_quotes(path) + " has changed since the dataset was made; make the dataset anew");
}

}  // namespace

ShardReader& ShardReader::operator=(const ShardReader& other) {
  if (this != &other) open_.clear();
  return *this;
}

std::span<const std::byte> ShardReader::read(size_t shard, std::string_view path, const FileStamp& stamp,
                                             uint64_t offset, uint64_t size) {
  const StageScope reading(Stage::kRead);
  const int fd = open(shard, path, stamp);
  if (buffer_.size() < size) buffer_.resize(size);
  size_t done = 0;
  while (done < size) {
    const auto got = MILLRACE_SYSCALL(
        ::pread(fd, buffer_.data() + done, size - done, static_cast<off_t>(offset + done)), path, offset + done);
    if (got == 0)
      throw TarError("tar: " + in_quotes(path) + " became shorter than byte " + std::to_string(offset + size) +
                     " while it was read; make the dataset anew");
    done += static_cast<size_t>(got);
  }
  // A writer that has the file open changes the bytes under an open descriptor.
  require_unchanged(fd, path, stamp);
  reading.add_bytes(size);
  return std::span(buffer_).first(size);
}

int ShardReader::open(size_t shard, std::string_view path, const FileStamp& stamp) {
  const auto found = open_.find(shard);
  if (found != open_.end()) return found->second.get();
  OwnedFd file = open_tar(std::string(path));
  require_unchanged(file.get(), path, stamp);
  // Whoever reads in the order of shards never gets here with many open, whoever reads at random seldom finds his open.
  if (open_.size() >= kMostOpen) open_.clear();
  return open_.emplace(shard, std::move(file)).first->second.get();
}

}  // namespace millrace::detail
