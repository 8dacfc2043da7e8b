#pragma once

#include <memory>
#include <optional>

#include "millrace/loader/sources/source.h"
#include "millrace/loader/sources/travelling_dataset.h"
#include "millrace/samplers/any_batch_sampler.h"
#include "millrace/samplers/sampler.h"

namespace millrace {

/// What make_data_loader() puts together for an engine.
struct LoaderParts {
  std::unique_ptr<Source> source;
  std::optional<TravellingDataset> travelling;
  std::optional<AnySampler> sampler;             ///< Null for the options' order, or where batch_sampler is set.
  std::optional<AnyBatchSampler> batch_sampler;  ///< Null for the options' order, or where sampler is set.
};

}  // namespace millrace
