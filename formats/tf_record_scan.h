#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// Where each record of a TFRecord file begins, from the records' lengths, of which each is checked by its checksum.
/// Throws std::runtime_error, without the file's name, that says at which byte what is wrong.
std::vector<uint64_t> scan_tf_records(std::span<const std::byte> file);

/// What the record that begins at `offset` has inside, checked by its checksums. Throws as scan_tf_records().
std::string_view tf_record_at(std::span<const std::byte> file, uint64_t offset);

}  // namespace millrace::detail
