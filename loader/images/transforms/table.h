#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "millrace/loader/images/transforms/augment.h"
#include "millrace/loader/images/transforms/center_crop.h"
#include "millrace/loader/images/transforms/color_jitter.h"
#include "millrace/loader/images/transforms/descriptions.h"
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

/// Appends T's parameters; `defaults` has the values of those that need not be given, `all_optional` is for a list that
/// lies in another.
template <class T>
void describe_parameters(const T& defaults, bool all_optional, std::vector<Description::Parameter>& parameters) {
  for_each_field<T>([&](const auto& field) {
    using Form = typename std::decay_t<decltype(field)>::Form;
    if constexpr (std::is_same_v<Form, forms::Nested>) {
      field.visit(defaults, [&](const auto& nested) {
        describe_parameters(nested, all_optional || !field.is_required, parameters);
      });
    } else if constexpr (std::is_same_v<Form, forms::Word>) {
      parameters.push_back({std::string(field.key), std::string(field.word)});
    } else if constexpr (!std::is_same_v<Form, forms::Hidden>) {
      const bool has_default = all_optional || !field.is_required;
      parameters.push_back(
          {std::string(field.key),
           has_default ? field.visit(defaults, [](const auto&... member) { return text_of(member...); }) : ""});
    }
  });
}

template <class T>
Description describe() {
  Description description{std::string(T::kName), yaml_name(T::kName), std::string(T::kAbout), {}};
  describe_parameters(T(), false, description.parameters);
  return description;
}

}  // namespace millrace::transforms
