#pragma once

#include "millrace/loader/images/transforms/chain.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomApply: all steps of a chain with probability p, or none. The steps may not change
/// size, channels or type: what a batch holds does not depend on chance.
struct RandomApply : KeepsShape {
  Chain chain;
  double p = 0.5;

  static constexpr std::string_view kName = "RandomApply";
  static constexpr std::string_view kAbout = "all steps of a chain, or none; steps that keep the shape";
  static constexpr auto fields() {
    return list(field<forms::Steps>("transforms", &RandomApply::chain).required().shown(),
                probability(&RandomApply::p));
  }

  RandomApply() = default;
  RandomApply(Chain steps, double probability);
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomApply&) const = default;
};

}  // namespace millrace::transforms
