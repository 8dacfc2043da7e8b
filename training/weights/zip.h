#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <string_view>

namespace millrace::training::detail {

/// The files of a zip archive as torch.save writes it, by their paths below the one folder in it: "data.pkl", "data/0".
/// Each is a tensor of bytes. Throws std::runtime_error for what is no zip archive or is damaged, and for one that
/// unpacks to more than it is itself: torch.save compresses nothing, so that memory is bounded by the archive's size.
std::map<std::string, at::Tensor> read_zip(std::string_view bytes);

/// Whether the bytes of a file begin as such an archive does.
bool is_zip(std::string_view bytes);

}  // namespace millrace::training::detail
