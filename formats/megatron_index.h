#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace::detail {

/// What Megatron-LM's .idx file says about the .bin file beside it.
struct MegatronIndex {
  c10::ScalarType dtype = c10::ScalarType::Undefined;  ///< Of the tokens: an integer type.
  /// Document k has tokens document_ends[k - 1] to document_ends[k] - 1 of the .bin file, the first one from 0. There
  /// is at least one, and the last ends with the file.
  std::vector<uint64_t> document_ends;
};

/// Reads the bytes of an .idx file (MMIDIDX, version 1) whose .bin file has `bin_bytes` bytes. Sequences must lie one
/// behind the other, as Megatron's preprocess_data.py and merge_datasets.py write them. Throws std::runtime_error that
/// says what is wrong and where, without the file's name.
MegatronIndex read_megatron_index(std::span<const std::byte> index, uint64_t bin_bytes);

}  // namespace millrace::detail
