#pragma once

#include <c10/core/ScalarType.h>

#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/transform.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/sharing/codec/function_ref.h"

namespace at {
class Tensor;
}

namespace millrace::transforms {

/// torchvision.transforms.v2.Lambda: a function of yours, a step like any other.
///
///   at::Tensor swap_channels(at::Tensor picture, SampleRng&) { return picture.flip(0); }
///   RandomResizedCrop(224) | Lambda(swap_channels) | Normalize::imagenet()
///
/// The function gets the picture {channels, height, width}, uint8 or, behind Normalize or ToDtype, float32. The picture
/// is a view: the function changes it in place and gives it back, or answers with another tensor of the same type. What
/// it draws from the sample's stream is the same for any number of workers. Other processes find the function by
/// FunctionRef, so it is a function or a lambda without captures. It runs in the worker, one sample at a time in each
/// thread, and its exceptions are errors of that sample.
///
/// The shape stays as it is unless another one is declared. Then all pictures have that shape, and the Lambda stands in
/// front of Normalize and ToDtype. An answer of another shape than expected is an error of that sample.
class Lambda {
 public:
  using Function = at::Tensor (*)(at::Tensor picture, SampleRng& rng);
  struct Shape {
    int channels = 3;  ///< 1 or 3.
    image::Size size;
    bool operator==(const Shape&) const = default;
  };

  static constexpr std::string_view kName = "Lambda";
  static constexpr std::string_view kAbout = "see below";

  /// For the receiving side of load().
  Lambda() = default;

  /// Throws std::invalid_argument for a null function, and for a shape without a meaning.
  template <class F>
    requires std::convertible_to<F, Function>
  explicit Lambda(F function, std::optional<Shape> shape = std::nullopt)
      : Lambda(static_cast<Function>(function), shape) {}
  explicit Lambda(Function function, std::optional<Shape> shape = std::nullopt);
  void check() const;

  const std::optional<Shape>& declared() const { return declared_; }

  /// The function's answer for the picture at `values`, contiguous and of the shape that is expected. The answer may be
  /// the memory at `values` itself. Throws std::runtime_error for an answer of another shape or type.
  at::Tensor call(void* values, c10::ScalarType dtype, const Shape& shape, SampleRng& rng) const;

  image::Size output_size(image::Size input) const { return declared_ ? declared_->size : input; }
  bool fixes_size() const { return declared_.has_value(); }
  int output_channels(int input) const { return declared_ ? declared_->channels : input; }
  bool keeps_shape() const { return !declared_; }
  void apply(Pixels& picture, SampleRng& rng) const;
  /// Applies the function to a row of floats, behind the step that makes them.
  void apply_to_floats(float* row, int channels, image::Size size, SampleRng& rng) const;
  bool operator==(const Lambda&) const = default;

  template <class Archive>
  void save(Archive& archive) const {
    archive(identify(function_), declared_.has_value());
    if (declared_) archive(declared_->channels, declared_->size.height, declared_->size.width);
  }
  template <class Archive>
  void load(Archive& archive) {
    FunctionRef ref;
    bool has_shape = false;
    archive(ref, has_shape);
    function_ = resolve<std::remove_pointer_t<Function>>(ref);
    declared_.reset();
    if (!has_shape) return;
    Shape shape;
    archive(shape.channels, shape.size.height, shape.size.width);
    declared_ = shape;
  }

 private:
  Function function_ = nullptr;
  std::optional<Shape> declared_;
};

}  // namespace millrace::transforms
