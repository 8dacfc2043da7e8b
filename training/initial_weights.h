#pragma once

#include <torch/nn/module.h>

#include "millrace/configs/node.h"

namespace millrace::training {

/// Gives a model what it is to begin with, where the section `weights` of a run names a file: .safetensors, .pt, or a
/// checkpoint of another run, of which the weights that it was judged by are taken. Throws ConfigError for a file that
/// cannot be read and, with all that does not fit, for weights of another model.
void load_initial_weights(const configs::Node& run, torch::nn::Module& model);

}  // namespace millrace::training
