#include "millrace/loader/images/transforms/gaussian_blur.h"

#include <stdexcept>

#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

GaussianBlur::GaussianBlur(int square, std::pair<double, double> sigma_range)
    : GaussianBlur(image::Size{square, square}, sigma_range) {}

GaussianBlur::GaussianBlur(image::Size exact, std::pair<double, double> sigma_range)
    : kernel_size(exact), sigma(sigma_range) {
  check();
}

void GaussianBlur::check() const {
  check_size(kName, kernel_size);
  if (kernel_size.height % 2 == 0 || kernel_size.width % 2 == 0) {
    throw std::invalid_argument("GaussianBlur: kernel_size must be odd, so that it has a middle; got " +
                                to_string(kernel_size));
  }
  check_range(kName, "sigma", sigma);
}

void GaussianBlur::apply(Pixels& picture, SampleRng& rng) const {
  const double drawn = rng.uniform(sigma.first, sigma.second);
  image::gaussian_blur(picture.planes(), kernel_size, drawn, picture.scratch().blur);
}

}  // namespace millrace::transforms
