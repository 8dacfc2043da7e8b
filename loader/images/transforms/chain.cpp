#include "millrace/loader/images/transforms/chain.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace millrace::transforms {
namespace {

void require_steps_for(const PictureOptions& options, const Chain& chain) {
  if (options.pixel_type == PixelType::kUInt8) return;
  const std::string type = options.pixel_type == PixelType::kUInt16 ? "uint16" : "float32";
  if (options.mode != ImageMode::kGray)
    throw std::invalid_argument("pixel_type: pictures of " + type + " have one channel: say so by their mode, gray");
  for (const Step& step : chain.steps()) {
    if (step->moves_numbers()) continue;
    throw std::invalid_argument("pixel_type: pictures of " + type +
                                " go through crops, flips, constant borders and resizes alone, not through " +
                                step->text());
  }
}

}  // namespace

std::span<const Step> Chain::pixel_steps() const {
  const auto end = std::find_if(steps_.begin(), steps_.end(), [](const Step& step) { return step->makes_floats(); });
  return {steps_.begin(), end};
}

std::span<const Step> Chain::float_steps() const { return std::span(steps_).subspan(pixel_steps().size()); }

c10::ScalarType Chain::dtype() const { return float_steps().empty() ? c10::ScalarType::Byte : c10::ScalarType::Float; }

image::Size Chain::output_size(image::Size input) const {
  for (const Step& step : steps_) input = step->output_size(input);
  return input;
}

std::optional<image::Size> Chain::fixed_size() const {
  const auto fixes = [](const Step& step) { return step->fixes_size(); };
  if (std::none_of(steps_.begin(), steps_.end(), fixes)) return std::nullopt;
  // From a step that fixes the size on, nothing depends on what came before.
  return output_size({1, 1});
}

bool Chain::keeps_shape() const {
  return std::all_of(steps_.begin(), steps_.end(), [](const Step& step) { return step->keeps_shape(); });
}

int Chain::output_channels(ImageMode mode) const {
  int count = channels(mode);
  for (const Step& step : steps_) count = step->output_channels(count);
  return count;
}

int Chain::check_channels(int channels) const {
  for (const Step& step : steps_) {
    step->check_channels(channels);
    channels = step->output_channels(channels);
  }
  return channels;
}

FieldSpec Chain::field(std::string name, const PictureOptions& options, image::Size size) const {
  const int64_t channels = check_channels(millrace::channels(options.mode));
  require_steps_for(options, *this);
  const auto type = options.pixel_type == PixelType::kUInt8    ? dtype()
                    : options.pixel_type == PixelType::kUInt16 ? c10::ScalarType::UInt16
                                                               : c10::ScalarType::Float;
  return {std::move(name), type, {channels, size.height, size.width}};
}

void Chain::apply(Pixels& picture, SampleRng& rng) const {
  for (const Step& step : steps_) step->apply(picture, rng);
}

Chain operator|(Chain first, const Chain& second) {
  const auto may_follow = [](const Step& step) { return step->takes_floats() && step->keeps_shape(); };
  if (first.dtype() == c10::ScalarType::Float && !std::all_of(second.steps_.begin(), second.steps_.end(), may_follow)) {
    throw std::invalid_argument(
        "Normalize and ToDtype end a chain (Normalize scales by itself): the other steps work on pixels. Nothing may "
        "follow but a Lambda that keeps the shape, here " +
        to_string(second));
  }
  first.steps_.insert(first.steps_.end(), second.steps_.begin(), second.steps_.end());
  return first;
}

void require_kept_shape(std::string_view who, const Chain& chain) {
  if (chain.keeps_shape()) return;
  throw std::invalid_argument(std::string(who) + ": a batch's shape and type cannot depend on chance, so " +
                              to_string(chain) + " must be a step of its own, outside");
}

std::string to_string(const Chain& chain) {
  std::string text;
  for (const Step& step : chain.steps()) text.append(text.empty() ? "" : " | ").append(step->text());
  return text;
}

std::string text_of(const Chain& chain) { return to_string(chain); }

std::string text_of(const std::vector<Chain>& chains) {
  std::string text;
  for (const Chain& chain : chains) text.append(text.empty() ? "" : ", ").append(to_string(chain));
  return text;
}

void check_channels(const Chain& chain, int channels) { chain.check_channels(channels); }

void check_channels(const std::vector<Chain>& chains, int channels) {
  for (const Chain& chain : chains) chain.check_channels(channels);
}

}  // namespace millrace::transforms
