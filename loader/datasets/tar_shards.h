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

namespace millrace {

class TarImages;
namespace transforms {
class Chain;
}

/// Tar files of samples by the naming of Python's webdataset, with random access: files of a
/// shard that agree in their path up to the first dot of the name are one sample, and the rest of the name, in lower
/// case, says which of its files each is. See webdataset_name.h; docs/tar_shards.md is the guide.
///
///   TarShards shards("photos-{000000..000146}.tar");
///   auto photos = shards.image("jpg;jpeg;png").label("cls").transform(RandomResizedCrop(224));
///   ShardShuffleSampler order(shards.shard_sizes());
///
/// Samples are numbered through the shards, in the order of their first files. Files of one key need not follow each
/// other, as they must for webdataset; a key that comes again, after another, with a file that it had is another
/// sample, as there; a file that is twice side by side is an error. What is hidden or what programs leave behind
/// (litter.h) is no sample, which one warning tells. What a sample lacks is found out when it is read.
///
/// The list of all samples is one piece of memory for all processes. A value: copies share it, and each opens shards
/// for itself. One copy serves one thread, as the loader gives every worker its own; whatever is const any thread may
/// call. Alternatives are extensions between semicolons, of which the first one that the sample has is taken. Errors:
/// TarError in one line with shard, place and cure.
class TarShards {
 public:
  /// For the receiving side of serialize().
  TarShards() = default;

  /// All files that `pattern` stands for; see brace_expansion.h, and "::" between patterns. Reads the index of each
  /// shard, or makes it (tar_index.h). Throws std::invalid_argument for braces that are not balanced.
  explicit TarShards(const std::string& pattern);

  /// These files in this order. Throws std::invalid_argument when there are none.
  explicit TarShards(const std::vector<std::string>& paths);

  size_t size() const { return shard_ends_.empty() ? 0 : shard_ends_.back(); }

  size_t num_shards() const { return shard_ends_.size(); }

  /// The number of samples in each shard, for ShardShuffleSampler.
  std::vector<int64_t> shard_sizes() const;

  /// The path of the shard that sample `i` is in. REQUIRES: i < size(), as for the others; else std::out_of_range.
  std::string_view shard(size_t i) const;

  /// webdataset's "__key__".
  std::string_view key(size_t i) const;

  /// The extensions of its files, in their order.
  std::vector<std::string_view> extensions(size_t i) const;

  /// The extension that bytes() would take, or nothing when the sample has none of `alternatives`.
  std::optional<std::string_view> find(size_t i, std::string_view alternatives) const;

  /// What is in that file. Valid until the next call on this copy. Throws TarError when there is none of
  /// `alternatives`, when the shard has changed since; SyscallError.
  std::span<const std::byte> bytes(size_t i, std::string_view alternatives);

  /// How many bytes that file has, or nothing when the sample has none of `alternatives`.
  std::optional<uint64_t> length(size_t i, std::string_view alternatives) const;

  /// All of sample `i` as webdataset gives it undecoded: strings "__key__", "__url__" (the shard) and, by extension,
  /// what is in each file. Errors as for bytes().
  Sample get(size_t i);

  /// The pictures in the files with these extensions, as a dataset. Lies in the library millrace_images, with
  /// images/datasets/tar_images.h, which is to be included by who calls it.
  TarImages image(std::string alternatives = "jpg;jpeg;png") const;

  /// With `chain` as transform.
  TarImages image(std::string alternatives, transforms::Chain chain) const;

  /// "SHARD: KEY".
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
    uint64_t last;  // One behind it.
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
  SharedStrings keys_;        // A sample.
  SharedStrings extensions_;  // A file.
  detail::ShardReader reader_;
};

}  // namespace millrace
