#include "millrace/loader/images/transforms/center_crop.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/moved_picture.h"

namespace millrace::transforms {

CenterCrop::CenterCrop(int square) : CenterCrop(image::Size{square, square}) {}
CenterCrop::CenterCrop(image::Size exact) : size(exact) { check(); }

void CenterCrop::check() const { check_size(kName, size); }

void CenterCrop::apply(MovedPicture& picture, SampleRng&) const {
  const image::Size now = picture.size();
  const image::Size padded = {std::max(size.height, now.height), std::max(size.width, now.width)};
  const int top = (padded.height - now.height) / 2;
  const int left = (padded.width - now.width) / 2;
  constexpr std::array<uint8_t, 1> kBlack = {0};
  picture.pad({left, top, padded.width - now.width - left, padded.height - now.height - top}, image::PadMode::kConstant,
              kBlack);
  // Halves to the even neighbour, as Python rounds.
  picture.crop({static_cast<int>(std::nearbyint((padded.height - size.height) / 2.0)),
                static_cast<int>(std::nearbyint((padded.width - size.width) / 2.0)), size.height, size.width});
}

}  // namespace millrace::transforms
