#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/node.h"
#include "millrace/configs/transform_types.h"

namespace millrace::showing {

/// Which data of a run are looked at: those that it trains on, or its section `test`.
enum class Part : uint8_t { kTrain, kTest };

/// What is read of a run's data, and how.
struct RunData {
  configs::Node pipeline;              ///< The map with dataset, transforms, sampler, collate and loader.
  const configs::DatasetTypes* types;  ///< What `dataset.type` may name; lives as long as this.
  configs::TransformTypes transforms;  ///< What `transforms` may name.
  uint64_t seed = 0;                   ///< The run's: of loaders that have none of their own.
  Part part = Part::kTrain;
};

/// The source of a part of a run. Throws ConfigError where the run has no such part.
RunData data_of_run(const configs::Node& run, Part part, const configs::DatasetTypes& types,
                    const configs::TransformTypes& transforms);

/// Whether its dataset reads pictures, which its transforms change.
bool has_transforms(const RunData& source);

/// The pipeline in the dataset's own order, or in that of a `sampler` in `settings` (overrides of a command line), with
/// samples that cannot be read left out.
configs::Node plain_pipeline(const RunData& source, const std::vector<std::string>& settings);

/// The same with an Overview of that side in place of its transforms, in all channels and as 8 bits.
configs::Node overview_pipeline(const RunData& source, int side, const std::vector<std::string>& settings);

/// The types of datasets with the transforms of a source and Overview.
configs::DatasetTypes overview_types(const RunData& source);

}  // namespace millrace::showing
