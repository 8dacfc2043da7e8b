#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <optional>
#include <string>

#include "millrace/loader/state.h"
#include "millrace/training/data_facts.h"
#include "millrace/training/weights/named_tensor.h"

namespace millrace::training {

/// How far a run is.
struct Position {
  int64_t epoch = 0;        ///< The epoch that is being trained, from 0.
  int64_t batches = 0;      ///< Batches of that epoch that were trained.
  bool is_trained = false;  ///< Whether these are all: what the model is worth then is yet to be measured.
  int64_t steps = 0;        ///< Steps of the optimizer, in all epochs.

  double loss_sum = 0;   ///< Of that epoch's samples, so far.
  int64_t samples = 0;   ///< Samples of that epoch that were trained.
  int64_t skipped = 0;   ///< Samples of that epoch that could not be read and were left out.
  int64_t replaced = 0;  ///< Samples of that epoch in whose place others were given.

  std::optional<double> best;  ///< The best value so far of the measure that decides.
  int64_t best_epoch = 0;      ///< The epoch that had it, from 0.

  int64_t trained = 0;      ///< Samples trained, in all epochs.
  double seconds = 0;       ///< Time spent in training.
  double wait_seconds = 0;  ///< The part of it that was spent waiting for data.
};

/// All that a run needs to go on as if nothing had happened.
///
/// In the file it is one dictionary of tensors, which Python reads by torch.load(path, weights_only=True): the model's
/// under "model." and their names, and so for "ema.", "scale." and "random."; "optimizer" has the optimizer's state as
/// LibTorch writes it. "position", "data", "loader" and "configuration" are texts, JSON and YAML, as
/// bytes.
struct Checkpoint {
  Position position;
  NamedTensors model;         ///< Parameters and buffers.
  NamedTensors ema;           ///< The averaged ones; empty without an average.
  NamedTensors scale;         ///< The loss's scale, for float16; else empty.
  NamedTensors random;        ///< States of torch's default generators, by device.
  at::Tensor optimizer;       ///< See bytes_of().
  LoaderState loader;         ///< Where the next batch comes from.
  std::string configuration;  ///< What was trained, for whoever finds the file alone.

  /// What the model was made for; nothing in files that were written before checkpoints said it.
  std::optional<DataFacts> data;
};

/// The weights that the run was judged by: the averages where it has some, else the model's own.
const NamedTensors& judged_weights(const Checkpoint& checkpoint);

/// Writes it in one step: whenever the process is killed, the file is the old one or the new one. Throws SyscallError.
void write_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Throws std::runtime_error, naming the file, for one that cannot be read or is no checkpoint.
Checkpoint read_checkpoint(const std::string& path);

/// The weights of a model in a file: those that a checkpoint was judged by, or all of a file of weights. Throws as
/// load_weights() and read_checkpoint().
NamedTensors load_model_weights(const std::string& path);

/// An optimizer's state as bytes {n} uint8, and back. restore() throws std::runtime_error for that of another
/// optimizer.
at::Tensor bytes_of(const torch::optim::Optimizer& optimizer);
void restore(torch::optim::Optimizer& optimizer, const at::Tensor& bytes);

/// The states of the default generators of the CPU and, if it is another, of `device`; and back.
NamedTensors random_states(c10::Device device);
void restore_random(const NamedTensors& states);

/// Copies each tensor into that of the same name in `to`. Throws std::runtime_error where names or shapes differ.
void copy_tensors(const NamedTensors& from, const NamedTensors& to);

}  // namespace millrace::training
