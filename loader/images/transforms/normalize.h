#pragma once

#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/transform.h"
#include "millrace/loader/normalize.h"

namespace millrace::transforms {

/// Normalize (loader/normalize.h) as a step of a chain, which makes float32. Means and deviations that are left out, as
/// YAML may, are ImageNet's.
struct NormalizeStep : Normalize, MakesFloats {
  static constexpr std::string_view kName = "Normalize";
  static constexpr std::string_view kAbout =
      "scales by 1/255 too; ImageNet's, unless given; behind the other steps, or by `batch.to(device, Normalize(…))`, "
      "see below";
  static constexpr auto fields() {
    return list(channel_values("mean", &NormalizeStep::mean, "means"),
                channel_values("std", &NormalizeStep::std, "deviations"),
                field<forms::Hidden>("", &NormalizeStep::dtype));
  }

  NormalizeStep() = default;
  explicit NormalizeStep(const Normalize& normalize);
  void check();

  void write(image::Planes in, float* row) const;
  bool operator==(const NormalizeStep&) const = default;
};

}  // namespace millrace::transforms
