#include "millrace/loader/images/transforms/to_dtype.h"

#include <stdexcept>
#include <string>

#include "millrace/loader/images/kernels.h"

namespace millrace::transforms {

ToDtype::ToDtype(c10::ScalarType dtype, bool scale_to_one) : scale(scale_to_one) {
  if (dtype != c10::ScalarType::Float) {
    throw std::invalid_argument(std::string("ToDtype: pictures become float32 here, not ") + c10::toString(dtype) +
                                "; convert the batch's tensor with .to()");
  }
}

void ToDtype::write(image::Planes in, float* row) const {
  const size_t count = in.plane_values() * static_cast<size_t>(in.channels);
  image::normalize(in.values, count, 0.0f, scale ? 1.0f / 255.0f : 1.0f, row);
}

}  // namespace millrace::transforms
