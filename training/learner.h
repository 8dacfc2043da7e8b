#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>

#include "millrace/configs/node.h"
#include "millrace/loader/batch.h"
#include "millrace/loader/images/transforms/normalize.h"
#include "millrace/loader/sample_row.h"
#include "millrace/training/models/model.h"
#include "millrace/training/models/model_types.h"
#include "millrace/training/settings.h"

namespace millrace::training {

/// Where a model runs, and what its input goes through.
struct Place {
  c10::Device device = c10::kCPU;
  std::optional<c10::ScalarType> amp;              ///< What autocast computes in.
  std::optional<transforms::Normalize> normalize;  ///< Of pictures uint8; other input is taken as it is.
};

/// A model that takes batches as the loader gives them.
struct Learner {
  Model model;
  Place place;

  /// The first field of a batch, normalised, where the model is.
  at::Tensor input(const Batch& batch) const;

  /// What the model makes of it, in float32.
  at::Tensor output(const at::Tensor& input) const;
};

/// The model that a run describes, on its device, for samples that look like `spec` and with so many outputs. Its first
/// weights are drawn from the run's seed. Throws ConfigError.
Learner make_learner(const configs::Node& run, const Settings& settings, const SampleSpec& spec, int64_t outputs,
                     const ModelTypes& types);

}  // namespace millrace::training
