#include "millrace/loader/images/transforms/tones.h"

#include <cmath>
#include <string>

#include "millrace/loader/images/transforms/checks.h"

namespace millrace::transforms {

RandomInvert::RandomInvert(double probability) : p(probability) { check_probability("RandomInvert", p); }

RandomPosterize::RandomPosterize(int kept_bits, double probability) : bits(kept_bits), p(probability) {
  if (bits < 0 || bits > 8)
    throw std::invalid_argument("RandomPosterize: bits must be 0..8, got " + std::to_string(bits));
  check_probability("RandomPosterize", p);
}

RandomSolarize::RandomSolarize(double least, double probability) : threshold(least), p(probability) {
  if (!(threshold <= 255))
    throw std::invalid_argument("RandomSolarize: threshold must be at most 255, got " + std::to_string(threshold));
  check_probability("RandomSolarize", p);
}

RandomAdjustSharpness::RandomAdjustSharpness(double factor, double probability)
    : sharpness_factor(factor), p(probability) {
  if (!(sharpness_factor >= 0 && std::isfinite(sharpness_factor))) {
    throw std::invalid_argument("RandomAdjustSharpness: sharpness_factor must be at least 0, got " +
                                std::to_string(sharpness_factor));
  }
  check_probability("RandomAdjustSharpness", p);
}

RandomAutocontrast::RandomAutocontrast(double probability) : p(probability) {
  check_probability("RandomAutocontrast", p);
}

RandomEqualize::RandomEqualize(double probability) : p(probability) { check_probability("RandomEqualize", p); }

}  // namespace millrace::transforms
