#include "millrace/formats/mapped_shards.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/sharing/os/printable.h"

namespace millrace::detail {

MappedShards& MappedShards::operator=(const MappedShards& other) {
  if (this != &other) open_.clear();
  return *this;
}

std::span<const std::byte> MappedShards::bytes(size_t shard, std::string_view path, const FileStamp& stamp) {
  auto found = open_.find(shard);
  if (found == open_.end()) {
    MappedFile file{std::string(path)};
    if (file.stamp() != stamp)
      throw std::runtime_error(in_quotes(path) + " has changed since the dataset was made; make the dataset anew");
    // Whoever reads in the order of shards never gets here with many open, whoever reads at random seldom finds his.
    if (open_.size() >= kMostOpen) open_.clear();
    found = open_.emplace(shard, std::move(file)).first;
  }
  found->second.require_readable();  // What is gone is an error here, and the process's end where it is looked at.
  return found->second.bytes();
}

void MappedShards::require_unchanged(size_t shard) const { open_.at(shard).require_unchanged(); }

}  // namespace millrace::detail
