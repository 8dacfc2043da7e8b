#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/fields.h"
#include "millrace/loader/sample_rng.h"

/// What a step of a chain has to say of itself. A transform is a value that copies and compares, with
///
///   kName, kAbout   its name in C++, which gives the one in YAML, and a line for the table in docs/transforms.md
///   fields()        the list of its fields (fields.h); or save() and load(), and then it has no name in YAML
///   check()         throws std::invalid_argument for parameters without a meaning. Constructors call it, and so does
///                   whoever has filled in the fields; so it may also complete what was left out
///   a shape         one of the bases below
///   apply()         by what the transform does, one of
///                     apply(MovedPicture&, SampleRng&)   it only moves pixels. moves_numbers() says whether it does to
///                                                        any numbers what it does to pixels
///                     apply(Pixels&, SampleRng&)         it changes pixels
///                     write(Planes, float*)              it makes floats of pixels
///
/// require_transform() refuses what lacks one of them, and names the part.
namespace millrace::transforms {

class MovedPicture;
class Pixels;

/// A transform behind which size, channels and type are what they were before it.
struct KeepsShape {
  image::Size output_size(image::Size input) const { return input; }
  bool fixes_size() const { return false; }
  int output_channels(int input) const { return input; }
  bool keeps_shape() const { return true; }
  bool operator==(const KeepsShape&) const = default;
};

/// A transform that changes the size alone. It has output_size(input), and fixes_size(), whether that is the same for
/// all pictures.
struct ChangesSize {
  int output_channels(int input) const { return input; }
  bool keeps_shape() const { return false; }
  bool operator==(const ChangesSize&) const = default;
};

/// A transform that changes the channels alone. It has output_channels(input).
struct ChangesChannels {
  image::Size output_size(image::Size input) const { return input; }
  bool fixes_size() const { return false; }
  bool keeps_shape() const { return false; }
  bool operator==(const ChangesChannels&) const = default;
};

/// A transform that changes the type alone, from uint8 to float32.
struct MakesFloats {
  image::Size output_size(image::Size input) const { return input; }
  bool fixes_size() const { return false; }
  int output_channels(int input) const { return input; }
  bool keeps_shape() const { return false; }
  bool operator==(const MakesFloats&) const = default;
};

/// A type that is meant to be a transform, and may be converted to a step.
template <class T>
concept HasTransformName = requires { std::string_view(T::kName); };

template <class T>
concept Listed = requires { T::fields(); };

/// A transform that only moves pixels.
template <class T>
concept Moving = requires { static_cast<void (T::*)(MovedPicture&, SampleRng&) const>(&T::apply); };

/// A transform that changes pixels.
template <class T>
concept Painting = requires { static_cast<void (T::*)(Pixels&, SampleRng&) const>(&T::apply); };

/// A transform that makes floats of pixels, and ends the part of a chain that works on them.
template <class T>
concept Converting = requires(const T transform, image::Planes in, float* row) { transform.write(in, row); };

template <class T>
concept Shaped = requires(const T transform, image::Size size) {
  { transform.output_size(size) } -> std::same_as<image::Size>;
  { transform.fixes_size() } -> std::same_as<bool>;
  { transform.output_channels(3) } -> std::same_as<int>;
  { transform.keeps_shape() } -> std::same_as<bool>;
};

template <class Fields>
struct NestedFields;

/// Compiles when fields() lists every member of T once, and so do the lists in that list.
template <class T>
consteval bool require_fields() {
  using Fields = decltype(T::fields());
  static_assert(fields_are_distinct<T>(), "fields() lists a key or a member twice");
  static_assert(std::is_same_v<decltype(fields_list_every_member<T, NumMembers<Fields>::value>), bool(const T&)>);
  return NestedFields<Fields>::require();
}

template <class Field>
struct NestedFieldsOf {
  static consteval bool require() { return true; }
};
template <class Owner, class Nested>
struct NestedFieldsOf<Field<Owner, forms::Nested, Nested>> {
  static consteval bool require() { return require_fields<Nested>(); }
};
template <class Numbers, class... Fields>
struct NestedFields<NumberedItems<Numbers, Fields...>> {
  static consteval bool require() { return (NestedFieldsOf<Fields>::require() && ...); }
};

/// A type with an operator== of its own; that of its base would find all values alike.
template <class T>
concept Comparing = requires { static_cast<bool (T::*)(const T&) const>(&T::operator==); };

/// Compiles for transforms; the error for another type says what it lacks.
template <class T>
consteval bool require_transform() {
  static_assert(HasTransformName<T>, "no kName: static constexpr std::string_view, the transform's name in C++");
  static_assert(
      requires { std::string_view(T::kAbout); },
      "no kAbout: static constexpr std::string_view, a line for the table in docs/transforms.md");
  static_assert(
      Listed<T> || requires { &T::template load<int>; },
      "no fields(): the list of its fields, of which archive, text, YAML and documentation are made (fields.h)");
  static_assert(std::default_initializable<T>, "no default constructor: other processes make one and fill it in");
  static_assert(Comparing<T>, "no operator==: bool operator==(const T&) const = default");
  static_assert(
      requires(T transform) { transform.check(); },
      "no check(): what throws std::invalid_argument for parameters without a meaning");
  static_assert(Shaped<T>,
                "no shape: derive from KeepsShape, ChangesSize, ChangesChannels or MakesFloats, with what they ask for "
                "(output_size() and fixes_size(), or output_channels())");
  static_assert(Moving<T> || Painting<T> || Converting<T>,
                "no apply(): void apply(MovedPicture&, SampleRng&) const, apply(Pixels&, SampleRng&) const, or "
                "write(Planes, float*) const");
  static_assert(Converting<T> == std::derived_from<T, MakesFloats>,
                "write() and the base MakesFloats go together, and exclude the other bases");
  static_assert(Moving<T> + Painting<T> + Converting<T> <= 1, "apply() and write(): one of them alone would be called");
  static_assert(
      !Moving<T> || requires(const T transform) { transform.moves_numbers(); },
      "no moves_numbers(): whether it makes of any numbers what it makes of pixels");
  if constexpr (Listed<T>) require_fields<T>();
  return true;
}

}  // namespace millrace::transforms
