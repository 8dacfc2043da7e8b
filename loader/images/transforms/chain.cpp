#include "millrace/loader/images/transforms/chain.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/overloaded.h"

namespace millrace::transforms {
namespace {

/// Whether a step makes of any numbers what it makes of pixels.
bool moves_numbers(const Step& step) {
  const auto keeps_to_numbers = [](const Pad& pad) { return pad.mode == PadMode::kConstant; };
  return std::visit(Overloaded{
                        [](const Resize&) { return true; },
                        [](const CenterCrop&) { return true; },
                        [](const RandomResizedCrop&) { return true; },
                        [](const RandomHorizontalFlip&) { return true; },
                        [](const RandomVerticalFlip&) { return true; },
                        [&](const Pad& pad) { return keeps_to_numbers(pad); },
                        [&](const RandomCrop& crop) { return keeps_to_numbers(crop.padding); },
                        [](const auto&) { return false; },
                    },
                    step);
}

void require_steps_for(const PictureOptions& options, const Chain& chain) {
  if (options.pixel_type == PixelType::kUInt8) return;
  const std::string type = options.pixel_type == PixelType::kUInt16 ? "uint16" : "float32";
  if (options.mode != ImageMode::kGray)
    throw std::invalid_argument("pictures of pixel type " + type +
                                " have one channel: say so, with mode(ImageMode::kGray) or mode: gray");
  for (const Step& step : chain.steps()) {
    if (moves_numbers(step)) continue;
    throw std::invalid_argument("pictures of pixel type " + type +
                                " go through crops, flips, constant borders and resizes alone, not through " +
                                std::visit([](const auto& known) { return to_string(Chain(known)); }, step));
  }
}

bool makes_floats(const Step& step) {
  return std::holds_alternative<Normalize>(step) || std::holds_alternative<ToDtype>(step);
}

bool keeps_shape(const Step& step) {
  return !makes_floats(step) && std::visit(Overloaded{
                                               [](const Resize&) { return false; },
                                               [](const CenterCrop&) { return false; },
                                               [](const RandomResizedCrop&) { return false; },
                                               [](const Pad&) { return false; },
                                               [](const RandomCrop&) { return false; },
                                               [](const Grayscale&) { return false; },
                                               [](const Lambda& lambda) { return !lambda.declared(); },
                                               [](const auto&) { return true; },
                                           },
                                           step);
}

/// Checks that what a chain's steps hold for each channel fits pictures with `now` channels, and gives how many there
/// are behind it.
int check_channels(const Chain& chain, int now) {
  const auto check = [&](const char* what, size_t values) {
    if (values <= 1 || values == static_cast<size_t>(now)) return;
    throw std::invalid_argument(what + std::to_string(values) + " for pictures with " + std::to_string(now) +
                                (now == 1 ? " channel" : " channels"));
  };
  for (const Step& step : chain.steps()) {
    std::visit(
        Overloaded{
            [&](const Grayscale& gray) { now = gray.num_output_channels; },
            [&](const Lambda& lambda) { now = lambda.declared() ? lambda.declared()->channels : now; },
            [&](const Normalize& normalize) { check("Normalize: means: ", normalize.mean.size()); },
            [&](const Pad& pad) { check("Pad: fill values: ", pad.fill.size()); },
            [&](const RandomCrop& crop) { check("RandomCrop: fill values: ", crop.padding.fill.size()); },
            [&](const RandomErasing& erasing) { check("RandomErasing: values: ", erasing.value.size()); },
            [&](const RandomRotation& turn) { check("RandomRotation: fill values: ", turn.fill.size()); },
            [&](const RandomAffine& affine) { check("RandomAffine: fill values: ", affine.fill.size()); },
            [&](const RandAugment& augment) { check("RandAugment: fill values: ", augment.fill.size()); },
            [&](const TrivialAugmentWide& augment) { check("TrivialAugmentWide: fill values: ", augment.fill.size()); },
            [&](const RandomApply& apply) { check_channels(apply.chain.front(), now); },
            [&](const RandomChoice& choice) {
              for (const Chain& alternative : choice.chains) check_channels(alternative, now);
            },
            [](const auto&) {},
        },
        step);
  }
  return now;
}

void check_shape_stays(const char* who, const Chain& chain) {
  if (chain.keeps_shape()) return;
  throw std::invalid_argument(std::string(who) + ": a batch's shape and type cannot depend on chance, so " +
                              to_string(chain) + " must be a step of its own, outside");
}

}  // namespace

void Chain::check_dtype() const {
  const auto* const normalize = std::get_if<Normalize>(&steps_.back());
  if (!normalize || normalize->dtype == c10::ScalarType::Float) return;
  throw std::invalid_argument(std::string("Normalize: a chain of transforms makes Float, not ") +
                              c10::toString(normalize->dtype) +
                              ": leave the step out and give it to batch.to(device, Normalize(...))");
}

bool Chain::operator==(const Chain& other) const { return steps_ == other.steps_; }

c10::ScalarType Chain::dtype() const {
  return std::any_of(steps_.begin(), steps_.end(), makes_floats) ? c10::ScalarType::Float : c10::ScalarType::Byte;
}

image::Size Chain::output_size(image::Size input) const {
  for (const Step& step : steps_) {
    input = std::visit(Overloaded{
                           [&](const Resize& resize) { return resize.output_size(input); },
                           [&](const CenterCrop& crop) { return crop.size; },
                           [&](const RandomResizedCrop& crop) { return crop.size; },
                           [&](const Pad& pad) { return image::padded(input, pad.borders); },
                           [&](const RandomCrop& crop) { return crop.size; },
                           [&](const Lambda& lambda) { return lambda.declared() ? lambda.declared()->size : input; },
                           [&](const auto&) { return input; },
                       },
                       step);
  }
  return input;
}

std::optional<image::Size> Chain::fixed_size() const {
  const auto fixes = [](const Step& step) {
    return std::visit(Overloaded{
                          [](const Resize& resize) { return !resize.shorter_side; },
                          [](const CenterCrop&) { return true; },
                          [](const RandomResizedCrop&) { return true; },
                          [](const RandomCrop&) { return true; },
                          [](const Lambda& lambda) { return lambda.declared().has_value(); },
                          [](const auto&) { return false; },
                      },
                      step);
  };
  if (std::none_of(steps_.begin(), steps_.end(), fixes)) return std::nullopt;
  // From a step that fixes the size on, nothing depends on what came before.
  return output_size({1, 1});
}

bool Chain::keeps_shape() const { return std::all_of(steps_.begin(), steps_.end(), transforms::keeps_shape); }

int Chain::output_channels(ImageMode mode) const {
  int count = channels(mode);
  for (const Step& step : steps_) {
    if (const auto* gray = std::get_if<Grayscale>(&step)) count = gray->num_output_channels;
    if (const auto* lambda = std::get_if<Lambda>(&step); lambda && lambda->declared())
      count = lambda->declared()->channels;
  }
  return count;
}

FieldSpec Chain::field(std::string name, const PictureOptions& options, image::Size size) const {
  const int64_t channels = check_channels(*this, millrace::channels(options.mode));
  require_steps_for(options, *this);
  const auto type = options.pixel_type == PixelType::kUInt8    ? dtype()
                    : options.pixel_type == PixelType::kUInt16 ? c10::ScalarType::UInt16
                                                               : c10::ScalarType::Float;
  return {std::move(name), type, {channels, size.height, size.width}};
}

Chain operator|(Chain first, const Chain& second) {
  const auto is_lambda = [](const Step& step) { return std::holds_alternative<Lambda>(step) && keeps_shape(step); };
  if (first.dtype() == c10::ScalarType::Float && !std::all_of(second.steps_.begin(), second.steps_.end(), is_lambda)) {
    throw std::invalid_argument(
        "Normalize and ToDtype end a chain (Normalize scales by itself): the other steps work on pixels. Nothing may "
        "follow but a Lambda that keeps the shape, here " +
        to_string(second));
  }
  first.steps_.insert(first.steps_.end(), second.steps_.begin(), second.steps_.end());
  return first;
}

RandomApply::RandomApply(Chain steps, double probability) : chain{std::move(steps)}, p(probability) {
  check_shape_stays("RandomApply", chain.front());
  check_probability("RandomApply", p);
}

bool RandomApply::operator==(const RandomApply& other) const { return chain == other.chain && p == other.p; }

RandomChoice::RandomChoice(std::vector<Chain> alternatives, std::vector<double> weights)
    : chains(std::move(alternatives)), p(std::move(weights)) {
  if (chains.empty()) throw std::invalid_argument("RandomChoice: no chains to choose from");
  for (const Chain& chain : chains) check_shape_stays("RandomChoice", chain);
  if (p.empty()) p.assign(chains.size(), 1.0);
  const bool valid =
      std::all_of(p.begin(), p.end(), [](double weight) { return weight >= 0 && std::isfinite(weight); });
  if (p.size() != chains.size() || !valid || !(std::accumulate(p.begin(), p.end(), 0.0) > 0)) {
    throw std::invalid_argument("RandomChoice: p must be " + std::to_string(chains.size()) +
                                " numbers of at least 0, not all 0, one for each chain; got " +
                                std::to_string(p.size()));
  }
}

size_t RandomChoice::draw(SampleRng& rng) const {
  double left = rng.uniform(0, std::accumulate(p.begin(), p.end(), 0.0));
  size_t i = 0;
  while (i + 1 < p.size() && left >= p[i]) left -= p[i++];
  return i;
}

bool RandomChoice::operator==(const RandomChoice& other) const { return chains == other.chains && p == other.p; }

}  // namespace millrace::transforms
