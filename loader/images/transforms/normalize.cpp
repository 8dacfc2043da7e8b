#include "millrace/loader/images/transforms/normalize.h"

#include <stdexcept>
#include <string>

#include "millrace/loader/images/kernels.h"
#include "millrace/loader/images/transforms/step.h"

namespace millrace::transforms {

NormalizeStep::NormalizeStep(const Normalize& normalize) : Normalize(normalize) { check(); }

void NormalizeStep::check() {
  static_cast<Normalize&>(*this) = mean.empty() && std.empty() ? imagenet(dtype) : Normalize(mean, std, dtype);
  if (dtype == c10::ScalarType::Float) return;
  throw std::invalid_argument(std::string("Normalize: a chain of transforms makes Float, not ") + c10::toString(dtype) +
                              ": leave the step out and give it to batch.to(device, Normalize(...))");
}

void NormalizeStep::write(image::Planes in, float* row) const {
  const size_t count = in.plane_values();
  for (size_t channel = 0; channel < static_cast<size_t>(in.channels); ++channel) {
    const size_t i = mean.size() == 1 ? 0 : channel;
    image::normalize(in.values + channel * count, count, mean[i] * 255.0f, 1.0f / (std[i] * 255.0f),
                     row + channel * count);
  }
}

Step::Step(const Normalize& normalize) : Step(NormalizeStep(normalize)) {}

}  // namespace millrace::transforms
