#pragma once

#include <string>

#include "millrace/training/weights/named_tensor.h"

/// The weights of models in files that Python reads and writes: `.safetensors`, and `.pt` with a state_dict.
namespace millrace::training {

/// The tensors of a file, on the CPU, in its order, in memory of their own. The bytes say which of the two kinds it is,
/// whatever its name. Throws std::runtime_error "cannot read 'PATH': PLACE: REASON"; nothing that stands in a file is
/// executed.
NamedTensors load_weights(const std::string& path);

/// Writes a file of the kind that the name's ending says: .safetensors, .pt or .pth. Whoever reads the path meanwhile,
/// or after a death in the middle, finds the file that was there before, or none. Tensors may be on any device.
///
/// Throws std::invalid_argument for other endings and for what no such file can hold (a name twice, an odd dtype),
/// SyscallError for what the system refuses.
void save_weights(const std::string& path, const NamedTensors& weights);

}  // namespace millrace::training
