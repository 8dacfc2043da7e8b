#include "millrace/loader/images/transforms/pad.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/moved_picture.h"

namespace millrace::transforms {

Pad::Pad(int all, std::vector<uint8_t> values, PadMode padding_mode)
    : Pad(image::Borders{all, all, all, all}, std::move(values), padding_mode) {}

Pad::Pad(image::Borders sides, std::vector<uint8_t> values, PadMode padding_mode)
    : borders(sides), fill(std::move(values)), mode(padding_mode) {
  check();
}

void Pad::check() const {
  for (const int side : {borders.left, borders.top, borders.right, borders.bottom}) {
    if (side < 0 || side > kLargestSide) {
      throw std::invalid_argument("Pad: borders must be 0.." + std::to_string(kLargestSide) + " pixels wide, got " +
                                  std::to_string(side));
    }
  }
  check_values(kName, "fill", fill);
}

void Pad::apply(MovedPicture& picture, SampleRng&) const { picture.pad(borders, mode, fill); }

}  // namespace millrace::transforms
