#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "millrace/loader/images/transforms/augment.h"
#include "millrace/loader/images/transforms/center_crop.h"
#include "millrace/loader/images/transforms/color_jitter.h"
#include "millrace/loader/images/transforms/descriptions.h"
#include "millrace/loader/images/transforms/expected.h"
#include "millrace/loader/images/transforms/flips.h"
#include "millrace/loader/images/transforms/gaussian_blur.h"
#include "millrace/loader/images/transforms/grayscale.h"
#include "millrace/loader/images/transforms/normalize.h"
#include "millrace/loader/images/transforms/pad.h"
#include "millrace/loader/images/transforms/random_adjust_sharpness.h"
#include "millrace/loader/images/transforms/random_affine.h"
#include "millrace/loader/images/transforms/random_apply.h"
#include "millrace/loader/images/transforms/random_autocontrast.h"
#include "millrace/loader/images/transforms/random_choice.h"
#include "millrace/loader/images/transforms/random_crop.h"
#include "millrace/loader/images/transforms/random_equalize.h"
#include "millrace/loader/images/transforms/random_erasing.h"
#include "millrace/loader/images/transforms/random_invert.h"
#include "millrace/loader/images/transforms/random_posterize.h"
#include "millrace/loader/images/transforms/random_resized_crop.h"
#include "millrace/loader/images/transforms/random_rotation.h"
#include "millrace/loader/images/transforms/random_solarize.h"
#include "millrace/loader/images/transforms/resize.h"
#include "millrace/loader/images/transforms/text.h"
#include "millrace/loader/images/transforms/to_dtype.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

template <class... Transforms>
struct TypeList {};

/// The table of transforms that have a name in YAML and a row in docs/transforms.md, in the order of both.
using NamedTransforms =
    TypeList<Resize, CenterCrop, RandomResizedCrop, RandomHorizontalFlip, RandomVerticalFlip, Pad, RandomCrop,
             ColorJitter, Grayscale, RandomGrayscale, GaussianBlur, RandomErasing, RandomRotation, RandomAffine,
             RandomInvert, RandomPosterize, RandomSolarize, RandomAdjustSharpness, RandomAutocontrast, RandomEqualize,
             RandAugment, TrivialAugmentWide, RandomApply, RandomChoice, ToDtype, NormalizeStep>;

/// Which parameters have a default value.
enum class Defaults : uint8_t {
  kOfOptional,  ///< Parameters that need not be given.
  kOfAll,       ///< All parameters, as of a nested list that need not be given itself.
};

/// Appends T's parameters. Those that have a default get it from `values`.
template <class T>
void describe_parameters(const T& values, Defaults defaults, std::vector<Description::Parameter>& parameters) {
  for_each_field<T>([&](const auto& field) {
    using Form = typename std::decay_t<decltype(field)>::Form;
    const bool has_default = defaults == Defaults::kOfAll || !field.is_required;
    if constexpr (std::is_same_v<Form, forms::Nested>) {
      field.visit(values, [&](const auto& nested) {
        describe_parameters(nested, has_default ? Defaults::kOfAll : Defaults::kOfOptional, parameters);
      });
    } else if constexpr (std::is_same_v<Form, forms::Word>) {
      parameters.push_back({std::string(field.key), has_default ? std::string(field.word) : "",
                            "one of " + std::string(field.word), !has_default});
    } else if constexpr (std::is_same_v<Form, forms::Steps>) {
      // A chain's text is no part of this.
      parameters.push_back({std::string(field.key), "", "a list of transforms", !has_default});
    } else if constexpr (!std::is_same_v<Form, forms::Hidden>) {
      parameters.push_back(
          {std::string(field.key),
           has_default ? field.visit(values, [](const auto&... member) { return text_in(Form(), member...); }) : "",
           field.visit(values, [](const auto&... member) { return expected_in(Form(), member...); }) +
               text_of_bounds(field.low, field.high),
           !has_default});
    }
  });
}

template <class T>
Description describe() {
  Description description{std::string(T::kName), yaml_name(T::kName), std::string(T::kAbout), {}};
  describe_parameters(T(), Defaults::kOfOptional, description.parameters);
  return description;
}

}  // namespace millrace::transforms
