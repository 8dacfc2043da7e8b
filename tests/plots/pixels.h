#pragma once

#include <cstddef>
#include <cstdlib>

#include "millrace/plots/palette.h"
#include "millrace/plots/picture.h"

// What is looked for in pictures of charts.
namespace millrace::test {

/// The ground, in a picture whose corner nothing is drawn into.
inline plots::Rgb corner(const plots::Picture& picture) {
  return {picture.pixels[0], picture.pixels[1], picture.pixels[2]};
}

/// How many pixels are close to a colour: the edges of lines are mixed with the ground.
inline int pixels_near(const plots::Picture& picture, plots::Rgb colour) {
  const auto is_near = [](int a, int b) { return std::abs(a - b) < 24; };
  int count = 0;
  for (size_t at = 0; at < picture.pixels.size(); at += 3)
    count += is_near(picture.pixels[at], colour.red) && is_near(picture.pixels[at + 1], colour.green) &&
             is_near(picture.pixels[at + 2], colour.blue);
  return count;
}

}  // namespace millrace::test
