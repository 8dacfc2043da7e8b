#pragma once

#include <c10/core/ScalarType.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/pixels.h"
#include "millrace/loader/images/transforms/text.h"
#include "millrace/loader/images/transforms/transform.h"
#include "millrace/loader/normalize.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"

namespace millrace::transforms {

/// Throws std::invalid_argument for `values` values of the parameter `key` of `who`, called `plural`, that do not fit
/// that many channels.
void require_channels(std::string_view who, std::string_view key, std::string_view plural, size_t values, int channels);

/// Calls Chain::check_channels(channels) of each chain that a field holds.
void check_channels(const Chain& chain, int channels);
void check_channels(const std::vector<Chain>& chains, int channels);

namespace held {

/// A transform, whatever its type: the questions are those of transform.h.
class AnyTransform {
 public:
  virtual ~AnyTransform() = default;

  virtual std::string_view name() const = 0;
  virtual std::string text() const = 0;
  virtual bool equals(const AnyTransform& other) const = 0;

  virtual image::Size output_size(image::Size input) const = 0;
  virtual bool fixes_size() const = 0;
  virtual int output_channels(int input) const = 0;
  virtual bool keeps_shape() const = 0;
  virtual void check_channels(int channels) const = 0;

  virtual bool moves_numbers() const = 0;
  virtual bool makes_floats() const = 0;
  virtual bool takes_floats() const = 0;

  virtual void apply(Pixels& picture, SampleRng& rng) const = 0;
  virtual void apply_to_numbers(MovedPicture& picture, SampleRng& rng) const = 0;
  virtual void write(image::Planes in, float* row) const = 0;
  virtual void apply_to_floats(float* row, int channels, image::Size size, SampleRng& rng) const = 0;

  virtual FunctionRef maker() const = 0;
  virtual void save(EncodeArchive& archive) const = 0;
  virtual void load(DecodeArchive& archive) = 0;
};

template <class Archive, class Value>
void travel(Archive& archive, Value& value) {
  using Plain = std::remove_const_t<Value>;
  if constexpr (Listed<Plain>) {
    for_each_field<Plain>(
        [&](const auto& field) { field.visit(value, [&](auto&... member) { (travel(archive, member), ...); }); });
  } else if constexpr (std::is_same_v<Plain, image::Size>) {
    archive(value.height, value.width);
  } else if constexpr (std::is_same_v<Plain, image::Borders>) {
    archive(value.left, value.top, value.right, value.bottom);
  } else {
    archive(value);
  }
}

/// Throws unless the values that `owner`'s fields hold for each channel fit the number of channels.
template <class T>
void check_channels_of(std::string_view who, const T& owner, int channels) {
  for_each_field<T>([&](const auto& field) {
    using Form = typename std::decay_t<decltype(field)>::Form;
    field.visit(owner, [&](const auto&... member) {
      if constexpr (std::is_same_v<Form, forms::Channels>) {
        (require_channels(who, field.key, field.word, member.size(), channels), ...);
      } else if constexpr (std::is_same_v<Form, forms::Nested>) {
        (check_channels_of(who, member, channels), ...);
      } else if constexpr (std::is_same_v<Form, forms::Steps>) {
        (transforms::check_channels(member, channels), ...);
      }
    });
  });
}

template <class T>
concept TakesFloats = requires(const T transform, float* row, image::Size size, SampleRng& rng) {
  transform.apply_to_floats(row, 3, size, rng);
};

template <class T>
class Held final : public AnyTransform {
 public:
  static_assert(require_transform<T>());

  Held() = default;
  explicit Held(T value) : value_(std::move(value)) {}

  const T& value() const { return value_; }

  std::string_view name() const override { return T::kName; }

  std::string text() const override {
    std::string text(T::kName);
    if constexpr (Listed<T>) {
      const std::string shown = shown_fields(value_);
      if (!shown.empty()) text += "(" + shown + ")";
    }
    return text;
  }

  bool equals(const AnyTransform& other) const override {
    const auto* const same = dynamic_cast<const Held*>(&other);
    return same != nullptr && same->value_ == value_;
  }

  image::Size output_size(image::Size input) const override { return value_.output_size(input); }
  bool fixes_size() const override { return value_.fixes_size(); }
  int output_channels(int input) const override { return value_.output_channels(input); }
  bool keeps_shape() const override { return value_.keeps_shape(); }

  void check_channels(int channels) const override {
    if constexpr (Listed<T>) check_channels_of(T::kName, value_, channels);
  }

  bool moves_numbers() const override {
    if constexpr (Moving<T>)
      return value_.moves_numbers();
    else
      return false;
  }
  bool makes_floats() const override { return Converting<T>; }
  bool takes_floats() const override { return TakesFloats<T>; }

  void apply(Pixels& picture, SampleRng& rng) const override {
    if constexpr (Converting<T>)
      throw std::logic_error("what makes floats ends the part of a chain that works on pixels");
    else
      value_.apply(picture, rng);
  }

  void apply_to_numbers(MovedPicture& picture, SampleRng& rng) const override {
    if constexpr (Moving<T>)
      value_.apply(picture, rng);
    else
      throw std::logic_error("a step that Chain::field() refuses");
  }

  void write(image::Planes in, float* row) const override {
    if constexpr (Converting<T>)
      value_.write(in, row);
    else
      throw std::logic_error("a step that makes no floats");
  }

  void apply_to_floats(float* row, int channels, image::Size size, SampleRng& rng) const override {
    if constexpr (TakesFloats<T>)
      value_.apply_to_floats(row, channels, size, rng);
    else
      throw std::logic_error("a step that operator| refuses behind what makes floats");
  }

  static std::unique_ptr<AnyTransform> make() { return std::make_unique<Held>(); }
  FunctionRef maker() const override { return identify(&Held::make); }

  void save(EncodeArchive& archive) const override { travel(archive, value_); }
  void load(DecodeArchive& archive) override { travel(archive, value_); }

 private:
  T value_;
};

}  // namespace held

/// A transform at its place in a chain: a value of any type that is one (transform.h), of the library or of a program.
/// Other processes find the type by FunctionRef, just as the function of a Lambda.
class Step {
 public:
  /// For the receiving side of serialize(). A step without a transform throws std::logic_error from all but as(), ==
  /// and copying.
  Step() = default;
  template <HasTransformName T>
  Step(T transform) : held_(std::make_shared<held::Held<T>>(std::move(transform))) {}
  /// The step that normalizes. Throws std::invalid_argument for another type than float32.
  Step(const Normalize& normalize);

  /// The transform, if it is a T. A Normalize is held as a NormalizeStep.
  template <class T>
  const T* as() const {
    const auto* const held = dynamic_cast<const held::Held<T>*>(held_.get());
    return held ? &held->value() : nullptr;
  }

  const held::AnyTransform* operator->() const {
    if (!held_) throw std::logic_error("a Step that holds no transform");
    return held_.get();
  }

  bool operator==(const Step& other) const {
    return held_ == other.held_ || (held_ && other.held_ && held_->equals(*other.held_));
  }

  template <class Archive>
  void save(Archive& archive) const {
    archive((*this)->maker());
    (*this)->save(archive);
  }
  template <class Archive>
  void load(Archive& archive) {
    FunctionRef maker;
    archive(maker);
    auto made = resolve<std::unique_ptr<held::AnyTransform>()>(maker)();
    made->load(archive);
    held_ = std::move(made);
  }

 private:
  std::shared_ptr<const held::AnyTransform> held_;
};

}  // namespace millrace::transforms
