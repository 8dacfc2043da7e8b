#pragma once

#include <map>
#include <string>
#include <string_view>

#include "millrace/sharing/os/new_file.h"
#include "millrace/training/weights/named_tensor.h"

/// The format of https://github.com/huggingface/safetensors: a length in eight bytes, little-endian; a header of that
/// length, JSON, with dtype, shape and place of each tensor; the tensors' bytes, one behind the other.
namespace millrace::training {

/// The content of such a file.
struct Safetensors {
  NamedTensors weights;                         ///< The tensors, in the order of their bytes.
  std::map<std::string, std::string> metadata;  ///< Words for whoever wants them, such as format: pt.
};

/// Whether the bytes of a file begin as such a file does.
bool is_safetensors(std::string_view bytes);

/// Reads the bytes of a file into tensors with memory of their own. Throws std::runtime_error "header, byte 17: REASON"
/// or "tensor 'NAME': REASON" for anything but such a file: every number is checked against the file before memory of
/// that size is taken.
Safetensors parse_safetensors(std::string_view bytes);

/// Writes the bytes that Python's safetensors writes: tensors of wide types first, then by name. Throws
/// std::invalid_argument for a name that stands twice or is no UTF-8, and for a dtype that the format lacks.
void write_safetensors(NewFile& file, const Safetensors& content);

}  // namespace millrace::training
