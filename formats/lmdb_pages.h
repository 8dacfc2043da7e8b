#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// A key and its value, by where they are in the file.
struct LmdbEntry {
  uint64_t key = 0;
  uint64_t value = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
};

/// All entries of a database in an LMDB file (data version 1 of a 64-bit little-endian machine, liblmdb 0.9), in the
/// order of their keys; `name` is that of a database inside the main one, "" the main one. It is the state of the last
/// transaction that was committed.
///
/// Every page on the way is checked: liblmdb trusts them, and a damaged file makes it read outside of its memory. What
/// is not checked is values, which have no checksums. Throws std::runtime_error, without the file's name, that says at
/// which byte what is wrong; also for databases with several values a key.
std::vector<LmdbEntry> list_lmdb_entries(std::span<const std::byte> file, std::string_view name);

}  // namespace millrace::detail
