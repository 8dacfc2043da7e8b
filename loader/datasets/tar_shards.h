#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/loader/datasets/shard_reader.h"
#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/loader/sample.h"
#include "millrace/sharing/memory/shared_table.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {

class TarImages;
namespace transforms {
class Chain;
}

/// Where a file lies in its shard.
struct TarPlace {
  std::string_view shard;  ///< The shard's path, valid as long as some copy of the dataset lives.
  FileStamp stamp;         ///< What the shard was like when the dataset was made.
  uint64_t offset = 0;     ///< The file's first byte in the shard.
  uint64_t size = 0;       ///< Its bytes.
};

/// Tar files of samples by the naming of Python's webdataset, with random access. Files of a shard that agree in their
/// path up to the first dot of the name are one sample; the rest of the name, in lower case, is the file's extension
/// and says which of the sample's files it is. See webdataset_name.h; docs/tar_shards.md is the guide.
///
///   TarShards shards("photos-{000000..000146}.tar");
///   auto photos = shards.image("jpg;jpeg;png").label("cls").transform(RandomResizedCrop(224));
///   ShardShuffleSampler order(shards.shard_sizes());
///
/// Samples are numbered through the shards, in the order of their first files. Files of one key need not follow each
/// other, as they must for webdataset. A key that comes again, after another key, with a file that it had is another
/// sample, as in webdataset; a file that is twice side by side is an error. Files that are hidden or that programs
/// leave behind (litter.h) are in no sample, and one warning tells of them. What a sample lacks is found out when it is
/// read.
///
/// The list of all samples is one piece of memory for all processes. A value: copies share it, and each opens shards
/// for itself. One copy serves one thread, and the loader gives every worker its own; any thread may call the const
/// methods. `alternatives` are extensions between semicolons, of which the first one that the sample has is taken.
/// Errors are TarError: one line with shard, place and cure.
class TarShards {
 public:
  /// For the receiving side of serialize().
  TarShards() = default;

  /// Opens all files that `pattern` stands for; see brace_expansion.h, and "::" between patterns. Reads the index of
  /// each shard, or makes it (tar_index.h). Throws std::invalid_argument for braces that are not balanced.
  explicit TarShards(const std::string& pattern);

  /// Opens these files, in this order. Throws std::invalid_argument when there are none.
  explicit TarShards(const std::vector<std::string>& paths);

  size_t size() const { return shard_ends_.empty() ? 0 : shard_ends_.back(); }

  size_t num_shards() const { return shard_ends_.size(); }

  /// The number of samples in each shard, for ShardShuffleSampler.
  std::vector<int64_t> shard_sizes() const;

  /// The path of the shard that sample `i` is in. Throws std::out_of_range unless i < size(), as all methods with an
  /// index.
  std::string_view shard(size_t i) const;

  /// The sample's key, webdataset's "__key__".
  std::string_view key(size_t i) const;

  /// The extensions of the sample's files, in the order of the files.
  std::vector<std::string_view> extensions(size_t i) const;

  /// The extension that bytes() would take, or nothing when the sample has none of `alternatives`.
  std::optional<std::string_view> find(size_t i, std::string_view alternatives) const;

  /// The bytes of the file that find() names. They are valid until the next call on this copy. Throws TarError when the
  /// sample has none of `alternatives`, and when the shard has changed since; SyscallError.
  std::span<const std::byte> bytes(size_t i, std::string_view alternatives);

  /// The number of bytes in the file that find() names, or nothing when the sample has none of `alternatives`.
  std::optional<uint64_t> length(size_t i, std::string_view alternatives) const;

  /// Where the file lies that find() names, or nothing when the sample has none of `alternatives`.
  std::optional<TarPlace> place(size_t i, std::string_view alternatives) const;

  /// All of sample `i` as webdataset gives it undecoded: strings "__key__", "__url__" (the shard) and, by extension,
  /// what is in each file. Errors as for bytes().
  Sample get(size_t i);

  /// The pictures in the files with these extensions, as a dataset. It lies in the library millrace_images; whoever
  /// calls it includes images/datasets/tar_images.h.
  TarImages image(std::string alternatives = "jpg;jpeg;png") const;

  /// The same dataset of pictures, with `chain` as its transform.
  TarImages image(std::string alternatives, transforms::Chain chain) const;

  /// Sample `i` in messages: "SHARD: KEY".
  std::string describe(size_t i) const;

  template <class Archive>
  void save(Archive& archive) const {
    archive(paths_, stamps_, shard_ends_, first_files_, files_, keys_, extensions_);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(paths_, stamps_, shard_ends_, first_files_, files_, keys_, extensions_);
    check();
  }

 private:
  /// Where the bytes of a file are, in the shard of its sample.
  struct File {
    uint64_t offset;
    uint64_t size;
  };

  struct Range {
    uint64_t first;
    uint64_t last;  // One behind the last file.
  };

  std::span<const uint64_t> first_files() const;
  std::span<const File> files() const;
  Range files_of(size_t i) const;
  size_t shard_of(size_t i) const;
  std::optional<size_t> find_file(size_t i, std::string_view alternatives) const;
  std::span<const std::byte> read(size_t i, size_t file);
  void check() const;

  SharedStrings paths_;
  std::vector<FileStamp> stamps_;
  std::vector<uint64_t> shard_ends_;  // Shard s has samples shard_ends_[s - 1] .. shard_ends_[s] - 1.
  detail::SharedBytes first_files_;   // Sample i has files first_files()[i] .. first_files()[i + 1] - 1.
  detail::SharedBytes files_;
  SharedStrings keys_;        // One for each sample.
  SharedStrings extensions_;  // One for each file.
  detail::ShardReader reader_;
};

}  // namespace millrace
