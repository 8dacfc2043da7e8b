#include "millrace/loader/images/transforms/random_crop.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/moved_picture.h"

namespace millrace::transforms {

RandomCrop::RandomCrop(int square, Pad before, bool pad_small_pictures)
    : RandomCrop(image::Size{square, square}, std::move(before), pad_small_pictures) {}

RandomCrop::RandomCrop(image::Size exact, Pad before, bool pad_small_pictures)
    : size(exact), padding(std::move(before)), pad_if_needed(pad_small_pictures) {
  check();
}

void RandomCrop::check() const {
  padding.check();
  check_size(kName, size);
}

image::Borders RandomCrop::borders(image::Size input) const {
  image::Borders result = padding.borders;
  const image::Size now = image::padded(input, result);
  const int missing_rows = std::max(size.height - now.height, 0);
  const int missing_columns = std::max(size.width - now.width, 0);
  if (missing_rows + missing_columns > 0 && !pad_if_needed) {
    throw std::runtime_error("RandomCrop: the picture is " + to_string(now) +
                             " with its padding, smaller than the crop of " + to_string(size) +
                             ": set pad_if_needed, or resize first");
  }
  // All that is missing goes to both sides, as torchvision does, so that the picture's place is random too.
  result.top += missing_rows;
  result.bottom += missing_rows;
  result.left += missing_columns;
  result.right += missing_columns;
  return result;
}

image::Box RandomCrop::draw(image::Size input, SampleRng& rng) const {
  image::Box box{.height = size.height, .width = size.width};
  if (input.height > size.height) box.y = static_cast<int>(rng.integer(0, input.height - size.height));
  if (input.width > size.width) box.x = static_cast<int>(rng.integer(0, input.width - size.width));
  return box;
}

void RandomCrop::apply(MovedPicture& picture, SampleRng& rng) const {
  picture.pad(borders(picture.size()), padding.mode, padding.fill);
  picture.crop(draw(picture.size(), rng));
}

}  // namespace millrace::transforms
