#pragma once

#include <torch/nn/module.h>

#include "millrace/training/checkpoint.h"

/// Whether training still learns: a loss or weights that are no numbers any more never become some again.
namespace millrace::training {

/// Throws std::runtime_error for a loss that is NaN or infinite, with the step of `position`, which comes next, and
/// what may help.
void require_finite_loss(double loss, const Position& position);

/// The same for parameters, behind the last step of `position`. Waits for the device. Buffers may be infinite: some
/// models mask by them.
void require_finite_weights(const torch::nn::Module& model, const Position& position);

}  // namespace millrace::training
