#pragma once

#include <string_view>

#include "millrace/sharing/os/new_file.h"
#include "millrace/training/weights/named_tensor.h"

/// The files that torch.save(model.state_dict(), path) writes: a zip archive with a pickle and a file for each storage.
///
/// The pickle is read as a description of tensors, by a reader that calls nothing. LibTorch's own (torch::pickle_load)
/// takes the sizes that stand in a pickle for those of the storages, and with wrong ones reads beyond them.
namespace millrace::training {

/// Whether the bytes of a file begin as such a file does.
bool is_torch_file(std::string_view bytes);

/// A state_dict's tensors in its order, on the CPU; those that shared a storage share it. Throws std::runtime_error
/// "data.pkl, byte 17: REASON" or "'NAME': REASON" for anything else: a checkpoint with more in it, a whole model, a
/// TorchScript program, a damaged file.
NamedTensors parse_torch_file(std::string_view bytes);

/// Writes a file that torch.load(path, weights_only=True) gives an OrderedDict of. Throws std::invalid_argument for a
/// name that stands twice and for a dtype that torch has no storage class for.
void write_torch_file(NewFile& file, const NamedTensors& weights);

}  // namespace millrace::training
