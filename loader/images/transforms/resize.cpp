#include "millrace/loader/images/transforms/resize.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/moved_picture.h"

namespace millrace::transforms {

Resize::Resize(int shorter, ResizeFilter filter) : size{shorter, shorter}, shorter_side(true), interpolation(filter) {
  check();
}
Resize::Resize(image::Size exact, ResizeFilter filter) : size(exact), interpolation(filter) { check(); }

void Resize::check() const { check_size(kName, size); }

image::Size Resize::output_size(image::Size input) const {
  if (!shorter_side) return size;
  const int64_t shorter = std::min(input.height, input.width);
  const int64_t longer = std::max(input.height, input.width);
  const int64_t new_longer = size.height * longer / shorter;  // Rounded down, as torchvision does.
  if (new_longer > std::numeric_limits<int>::max()) {
    throw std::invalid_argument("Resize(" + std::to_string(size.height) + "): a picture of " + to_string(input) +
                                " would get a side of " + std::to_string(new_longer) + " pixels");
  }
  const int side = static_cast<int>(new_longer);
  return input.width <= input.height ? image::Size{side, size.height} : image::Size{size.height, side};
}

void Resize::apply(MovedPicture& picture, SampleRng&) const {
  picture.resize(output_size(picture.size()), interpolation);
}

}  // namespace millrace::transforms
