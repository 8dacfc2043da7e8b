#include "millrace/loader/images/transforms/lambda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <array>
#include <sstream>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/transforms/checks.h"

namespace millrace::transforms {

Lambda::Lambda(Function function, std::optional<Shape> shape) : function_(function), declared_(shape) {
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

}  // namespace millrace::transforms
