#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "millrace/training/weights/named_tensor.h"

/// The weights of a model in memory, as Python's state_dict() and load_state_dict() have them.
namespace millrace::training {

/// A model's parameters and buffers by the names and in the order of Python's state_dict(). They are the model's own
/// memory, without gradients: copy them (save_weights() is a way) before they change.
NamedTensors weights_of(const torch::nn::Module& model);

/// Copies weights into the model's parameters and buffers of the same names, whatever device and type those have.
///
/// `except` names layers, "fc" or "encoder.ln", that keep what they have: a last layer for other classes. Their names
/// need not be among the weights, and are passed over if they are. All else has to agree in names and shapes, as in
/// load_state_dict(strict=True): otherwise std::invalid_argument, which lists all that does not, and the model is as
/// before.
void apply_weights(torch::nn::Module& model, const NamedTensors& weights, const std::vector<std::string>& except = {});

}  // namespace millrace::training
