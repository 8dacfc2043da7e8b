#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

struct TarShardWriterOptions {
  /// The most bytes of a shard file, by default as webdataset's. A sample that would take the present shard beyond them
  /// goes into a new one; a sample that is larger by itself has a shard to itself.
  uint64_t max_shard_bytes = 3'000'000'000;
  uint64_t max_shard_samples = 100'000;  ///< The most samples of a shard, by default as webdataset's.
  int64_t mtime = 0;                     ///< Time of all files in the shards, in seconds since 1970.
  uint64_t first_shard = 0;              ///< The number of the first shard.

  /// What the shards' indexes say that they are of, for whoever writes shards in several goes and wants to know again
  /// which are there; 0 says nothing.
  uint64_t plan = 0;
};

/// Writes samples into tar files that Python's webdataset and TarShards read, and an index beside each.
///
///   TarShardWriter writer("photos-%06d.tar");
///   writer.write("n0144/0001", {{"jpg", picture}, {"cls", label}});
///   writer.close();
///
/// The same samples in the same order give the same bytes: owners, permissions and times are fixed, a sample's files
/// are sorted by extension. Headers are ustar, with a pax header before what does not fit (names of more than 100
/// bytes, files of 8 GiB). A shard ends with its mark, two blocks of zeros, and is not filled up to a record of a tape.
///
/// A shard is written under another name, read again and compared with what was given, and only then, when its index is
/// there, takes its own name. So whatever happens, there are whole shards with their indexes and no others. An index
/// has sums of all bytes, by which find_tar_damage() finds what becomes of them later. For one thread. After an
/// exception of close() or write() the writer is of no more use. Errors: std::invalid_argument for what would not be
/// read back the same; std::runtime_error, SyscallError with path and cause (a full disk).
class TarShardWriter {
 public:
  struct File {
    std::string_view extension;  ///< "jpg", "seg.png": lower case, neither '/' in it nor '_' in front.
    std::span<const std::byte> bytes;
  };

  /// `pattern` holds one %d or %06d for the number of the shard; its folder must be there. Shards of those names are
  /// replaced.
  explicit TarShardWriter(std::string pattern, TarShardWriterOptions options = {});
  TarShardWriter(const TarShardWriter&) = delete;
  TarShardWriter& operator=(const TarShardWriter&) = delete;

  /// Drops the unfinished shard when close() was not called.
  ~TarShardWriter();

  /// Writes one sample. `key` is a relative path without a dot in its last part, and differs from those before it in
  /// its shard.
  void write(std::string_view key, std::vector<File> files);

  /// Finishes the last shard. Nothing can be written afterwards. Without samples there is no shard.
  void close();

  /// What a file of `bytes` bytes takes in a shard; `name` is the key, a dot and the extension.
  static uint64_t file_bytes(std::string_view name, uint64_t bytes, int64_t mtime = 0);

  /// The bytes of a shard beside those of its files.
  static constexpr uint64_t kShardBytes = 1024;

  /// The paths of the finished shards.
  const std::vector<std::string>& shards() const { return shards_; }

 private:
  class Shard;

  std::string next_path() const;
  void finish_shard();

  std::string pattern_;
  TarShardWriterOptions options_;
  std::unique_ptr<Shard> shard_;  // The shard that is being written.
  std::vector<std::string> shards_;
  bool closed_ = false;
};

}  // namespace millrace
