#include "millrace/plots/picture.h"

#include <cstddef>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/counted.h"

namespace millrace::plots {

void require_whole(const Picture& picture) {
  const auto size = [](int extent) { return static_cast<size_t>(extent); };
  const std::string what = "a picture of " + std::to_string(picture.height) + " x " + std::to_string(picture.width) +
                           " pixels of " + counted(picture.channels, "channel");
  if (picture.height < 1 || picture.width < 1 || (picture.channels != 1 && picture.channels != 3))
    throw std::invalid_argument(what + ": expected at least one pixel, and 1 or 3 channels");
  if (picture.pixels.size() != size(picture.height) * size(picture.width) * size(picture.channels))
    throw std::invalid_argument(what + " with " + std::to_string(picture.pixels.size()) +
                                " bytes: expected one a channel of each pixel");
}

}  // namespace millrace::plots
