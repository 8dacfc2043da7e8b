#pragma once

#include <cstddef>
#include <vector>

#include "millrace/loader/sample_rng.h"

namespace millrace::transforms {

class Chain;

/// torchvision.transforms.v2.RandomApply: all steps of a chain with probability p, or none. The steps may not change
/// size, channels or type: what a batch holds does not depend on chance.
struct RandomApply {
  std::vector<Chain> chain;  ///< One.
  double p = 0.5;

  RandomApply() = default;
  RandomApply(Chain steps, double probability);

  bool operator==(const RandomApply&) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(chain, p);
  }
};

/// torchvision.transforms.v2.RandomChoice: one of several chains, whose steps may not change size, channels or type.
struct RandomChoice {
  std::vector<Chain> chains;
  std::vector<double> p;  ///< How likely each is, relative to the others; none for all the same.

  RandomChoice() = default;
  explicit RandomChoice(std::vector<Chain> alternatives, std::vector<double> weights = {});

  /// The number of the chain to apply.
  size_t draw(SampleRng& rng) const;
  bool operator==(const RandomChoice&) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(chains, p);
  }
};

}  // namespace millrace::transforms
