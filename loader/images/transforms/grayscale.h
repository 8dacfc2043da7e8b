#pragma once

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.Grayscale: 0.2989 red + 0.587 green + 0.114 blue, rounded down, in one channel or
/// repeated in three. (A loader that wants one channel of all pictures is better served by ImageMode::kGray, which
/// decodes no colours.)
struct Grayscale : ChangesChannels {
  int num_output_channels = 1;

  static constexpr std::string_view kName = "Grayscale";
  static constexpr std::string_view kAbout = "gray, in one channel or in three that are alike";
  static constexpr auto fields() {
    return list(field("num_output_channels", &Grayscale::num_output_channels).within(1, 3).shown());
  }

  Grayscale() = default;
  explicit Grayscale(int channels);
  void check() const;

  int output_channels(int) const { return num_output_channels; }
  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const Grayscale&) const = default;
};

/// torchvision.transforms.v2.RandomGrayscale: the picture in gray with probability p, with as many channels as before.
struct RandomGrayscale : KeepsShape {
  double p = 0.1;

  static constexpr std::string_view kName = "RandomGrayscale";
  static constexpr std::string_view kAbout = "gray, with as many channels as before";
  static constexpr auto fields() { return list(probability(&RandomGrayscale::p)); }

  RandomGrayscale() = default;
  explicit RandomGrayscale(double probability);
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomGrayscale&) const = default;
};

}  // namespace millrace::transforms
