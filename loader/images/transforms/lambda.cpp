#include "millrace/loader/images/transforms/lambda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

Lambda::Lambda(Function function, std::optional<Shape> shape) : function_(function), declared_(shape) { check(); }

void Lambda::check() const {
  if (function_ == nullptr) throw std::invalid_argument("Lambda: no function");
  if (!declared_) return;
  check_size("Lambda", declared_->size);
  if (declared_->channels != 1 && declared_->channels != 3) {
    throw std::invalid_argument("Lambda: pictures have 1 or 3 channels, declared are " +
                                std::to_string(declared_->channels));
  }
}

at::Tensor Lambda::call(void* values, c10::ScalarType dtype, const Shape& shape, SampleRng& rng) const {
  const auto sizes_of = [](const Shape& of) {
    return std::array<int64_t, 3>{of.channels, of.size.height, of.size.width};
  };
  const auto expected = sizes_of(declared_.value_or(shape));
  const at::Tensor result = function_(at::from_blob(values, sizes_of(shape), dtype), rng);
  if (!result.defined()) throw std::runtime_error("Lambda: the function gave an undefined tensor");
  if (result.sizes() != at::IntArrayRef(expected) || result.scalar_type() != dtype || !result.device().is_cpu()) {
    std::ostringstream text;
    text << "Lambda: the function gave " << c10::toString(result.scalar_type()) << ' ' << result.sizes() << " on "
         << result.device() << ", expected is " << c10::toString(dtype) << ' ' << at::IntArrayRef(expected)
         << (declared_ ? " as declared" : ": declare the shape when it changes");
    throw std::runtime_error(text.str());
  }
  return result.contiguous();
}

void Lambda::apply(Pixels& picture, SampleRng& rng) const {
  if (declared_ && picture.is_followed()) {
    throw std::runtime_error(
        "a Lambda that changes the picture's shape cannot move what belongs to it (boxes, masks, the other picture of "
        "a "
        "pair); put it into a dataset of its own");
  }
  const image::Planes planes = picture.planes();
  const Shape shape = {planes.channels, planes.size};
  const at::Tensor result = call(planes.values, c10::ScalarType::Byte, shape, rng);
  if (result.data_ptr() == planes.values && !declared_) return;  // Changed in place.
  const auto [channels, size] = declared_.value_or(shape);
  std::copy_n(result.const_data_ptr<uint8_t>(), result.numel(), picture.other(size, channels).values);
  picture.replace();
}

void Lambda::apply_to_floats(float* row, int channels, image::Size size, SampleRng& rng) const {
  const at::Tensor result = call(row, c10::ScalarType::Float, {channels, size}, rng);
  const auto* values = result.const_data_ptr<float>();
  if (values != row) std::copy_n(values, result.numel(), row);
}

}  // namespace millrace::transforms
