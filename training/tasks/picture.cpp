#include "millrace/training/tasks/picture.h"

namespace millrace::training {

plots::Picture to_picture(const at::Tensor& planes) {
  const auto shown = planes.size(0) == 3 ? planes : planes.narrow(0, 0, 1);
  const auto pixels = shown.permute({1, 2, 0}).to(at::kCPU, at::kByte).contiguous();
  const auto* begin = pixels.const_data_ptr<uint8_t>();
  return {static_cast<int>(pixels.size(0)),
          static_cast<int>(pixels.size(1)),
          static_cast<int>(pixels.size(2)),
          {begin, begin + pixels.numel()}};
}

}  // namespace millrace::training
