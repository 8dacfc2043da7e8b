#pragma once

#include <cstdint>
#include <string>

#include "millrace/configs/tables/key.h"

/// What `millrace train` does with the batches.
namespace millrace::configs::tables {

/// The keys beside the sections.
struct Run {
  int64_t epochs = 1;
  uint64_t seed = 0;
  std::string device = "auto";
  std::string amp = "none";

  static constexpr auto keys() {
    return list(key("epochs", &Run::epochs, "How often every sample is seen.").at_least(1),
                key("seed", &Run::seed, "Seeds the weights, and what is left to chance outside the loader."),
                key("device", &Run::device, "Where the model is: auto, cpu, cuda, or cuda:1 for a certain one."),
                key("amp", &Run::amp, "Mixed precision; half with its loss scaled.").one_of("none, bfloat16, half"));
  }
};

static_assert(require_keys<Run>());

}  // namespace millrace::configs::tables
