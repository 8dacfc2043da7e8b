#pragma once

#include <cstddef>
#include <vector>

#include "millrace/loader/images/transforms/chain.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomChoice: one of several chains, whose steps may not change size, channels or type.
struct RandomChoice : KeepsShape {
  std::vector<Chain> chains;
  std::vector<double> p;  ///< How likely each chain is, relative to the others; empty where all are alike.

  static constexpr std::string_view kName = "RandomChoice";
  static constexpr std::string_view kAbout = "one of several chains, by their weights p; steps that keep the shape";
  static constexpr auto fields() {
    return list(field<forms::Steps>("transforms", &RandomChoice::chains).required().shown(),
                field("p", &RandomChoice::p));
  }

  RandomChoice() = default;
  explicit RandomChoice(std::vector<Chain> alternatives, std::vector<double> weights = {});
  void check();

  /// Draws the number of the chain to apply.
  size_t draw(SampleRng& rng) const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomChoice&) const = default;
};

}  // namespace millrace::transforms
