#pragma once

#include <ATen/core/Tensor.h>

namespace millrace {

/// An uninitialised CUDA tensor in the very memory in which the batch that this thread is making will be delivered, on
/// the loader's device. Whatever torch's current stream writes there is delivered without a copy. The tensor has to be
/// put into the batch, and not kept.
///
/// For get_batch(), next() and collate functions that a worker calls. Throws std::logic_error anywhere else,
/// std::invalid_argument and std::length_error when DataLoaderOptions::device_batch_bytes leaves no room.
at::Tensor empty_in_batch(at::IntArrayRef sizes, at::ScalarType dtype);

}  // namespace millrace
