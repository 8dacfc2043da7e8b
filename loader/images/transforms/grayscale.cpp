#include "millrace/loader/images/transforms/grayscale.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/color.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {
namespace {

void make_gray(Pixels& picture, int output_channels) {
  const image::Planes planes = picture.planes();
  if (planes.channels == 3) image::gray_into_first(planes);
  const image::Planes out = picture.other(planes.size, output_channels);
  for (int channel = 0; channel < output_channels; ++channel)
    std::copy_n(planes.values, planes.plane_values(), out.row(channel, 0));
  picture.replace();
}

}  // namespace

Grayscale::Grayscale(int channels) : num_output_channels(channels) { check(); }

void Grayscale::check() const {
  if (num_output_channels == 1 || num_output_channels == 3) return;
  throw std::invalid_argument("Grayscale: num_output_channels must be 1 or 3, got " +
                              std::to_string(num_output_channels));
}

void Grayscale::apply(Pixels& picture, SampleRng&) const { make_gray(picture, num_output_channels); }

RandomGrayscale::RandomGrayscale(double probability) : p(probability) { check(); }

void RandomGrayscale::check() const { check_probability(kName, p); }

void RandomGrayscale::apply(Pixels& picture, SampleRng& rng) const {
  if (rng.chance(p)) make_gray(picture, picture.channels());
}

}  // namespace millrace::transforms
