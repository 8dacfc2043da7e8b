#include "millrace/loader/normalize.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace millrace::transforms {

Normalize::Normalize(std::vector<float> means, std::vector<float> stds, c10::ScalarType type)
    : mean(std::move(means)), std(std::move(stds)), dtype(type) {
  if (mean.empty() || mean.size() != std.size()) {
    throw std::invalid_argument("Normalize: std: " + std::to_string(std.size()) +
                                (std.size() == 1 ? " number" : " numbers") + " where mean has " +
                                std::to_string(mean.size()) + "; give as many of both, at least one");
  }
  for (const float value : std) {
    if (!(std::abs(value) > 0)) throw std::invalid_argument("Normalize: std: a deviation of 0 divides by zero");
  }
  if (dtype != c10::ScalarType::Float && dtype != c10::ScalarType::Half && dtype != c10::ScalarType::BFloat16) {
    throw std::invalid_argument(std::string("Normalize: pictures become Float, Half or BFloat16, not ") +
                                c10::toString(dtype));
  }
}

Normalize Normalize::imagenet(c10::ScalarType type) {
  return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}, type};
}

}  // namespace millrace::transforms
