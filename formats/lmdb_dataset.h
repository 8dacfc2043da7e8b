#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/sample.h"

namespace millrace {

/// What the values of a database become in samples: texts; or tensors uint8 {bytes}, which come to the trainer without
/// being copied there.
enum class LmdbValues : uint8_t { kString, kTensor };

/// The entries of an LMDB database, in the order of their keys.
///
///   LmdbDataset pictures("train.lmdb");
///   const std::span<const std::byte> bytes = pictures.value(17);
///
/// `path` is the database's folder, or the file itself where it was made with subdir=False. What is seen is the last
/// transaction that was committed when it was opened. Opening reads the pages with keys, and checks each; values are
/// read when they are wanted, in place from the mapped file.
///
/// A value: copies share the mapped file and the list of entries, which travel as descriptors. Any thread may read. The
/// file is to rest while it is read: one that was written to meanwhile is an error. Do not cut it short while it is in
/// use: reading what is gone kills the process with SIGBUS. LMDB has no checksums: bytes of a value that were damaged
/// on the disk are not noticed. Errors are std::runtime_error: one line with file, byte and cure.
class LmdbDataset {
 public:
  LmdbDataset() = default;  ///< For the receiving side of serialize().

  /// `database` is the name of a database inside the main one.
  explicit LmdbDataset(const std::string& path, const std::string& database = {},
                       LmdbValues values = LmdbValues::kString);

  size_t size() const { return entries_.size() / kEntryBytes; }

  /// Throws std::out_of_range unless i < size(), as all methods with an index. Key and value are valid as long as some
  /// copy of the dataset lives.
  std::string_view key(size_t i) const;
  std::span<const std::byte> value(size_t i) const;

  /// The index of a key, or nothing where it is not there. Keys are looked for by their bytes' order, which databases
  /// of integer keys do not have.
  std::optional<size_t> find(std::string_view key) const;

  /// "key", a string, and "value", what LmdbValues says.
  Sample get(size_t i) const;
  Sample get(size_t i, SampleContext&) const { return get(i); }  ///< Says that nothing is drawn at random.

  /// "train.lmdb/data.mdb: 00000017"; where the file has changed since, "train.lmdb/data.mdb: entry 17".
  std::string describe(size_t i) const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  static constexpr size_t kEntryBytes = 24;

  std::span<const std::byte> piece(uint64_t begin, uint64_t size) const;
  void require_unchanged() const;
  void require_readable() const;

  detail::MappedFile file_;
  detail::SharedBytes entries_;
  LmdbValues values_ = LmdbValues::kString;
};

}  // namespace millrace
