#include "millrace/loader/images/transforms/picture_pair.h"

#include <stdexcept>
#include <string>

#include "millrace/loader/images/transforms/canvas.h"
#include "millrace/loader/images/transforms/number_canvas.h"
#include "millrace/loader/images/transforms/pixels.h"
#include "millrace/loader/images/transforms/renderer.h"
#include "millrace/loader/stages.h"

namespace millrace::transforms {
namespace {

void require_one_size(image::Size data, image::Size target) {
  if (data == target) return;
  throw std::runtime_error("the pictures of a pair have one size, but data is " + to_string(data) +
                           " (height x width) and target " + to_string(target) + ": resize the files of one of them");
}

/// A picture on its way, and where it goes.
struct Part {
  Canvas& canvas;
  std::span<std::byte> row;
};

/// Takes both through all steps, each with the same draws: alike pictures come out alike.
void render_both(const Chain& chain, const Part& data, const Part& target, image::Size size, SampleRng& rng) {
  thread_local Scratch scratch;
  Targets none;
  Pixels first(data.canvas, none, scratch);
  Pixels second(target.canvas, none, scratch);
  for (const Step& step : chain.pixel_steps()) {
    SampleRng same = rng;
    step->apply(first, rng);
    step->apply(second, same);
  }
  SampleRng same = rng;
  write_row(data.canvas, chain.float_steps(), size, rng, data.row);
  write_row(target.canvas, chain.float_steps(), size, same, target.row);
}

/// Takes one through all steps, and the other along where they move pixels.
void render_one(const Chain& chain, const Part& changed, const Part& companion, image::Size size, SampleRng& rng) {
  thread_local Scratch scratch;
  Targets none;
  Pixels pixels(changed.canvas, none, scratch, &companion.canvas);
  for (const Step& step : chain.pixel_steps()) step->apply(pixels, rng);
  const auto floats = chain.float_steps();
  write_row(companion.canvas, floats.first(floats.empty() ? 0 : 1), size, rng, companion.row);
  write_row(changed.canvas, floats, size, rng, changed.row);
}

void render_numbers(const PicturePipeline& pictures, const OfPair<std::span<const std::byte>>& files, SampleRng& rng,
                    image::Size size, const OfPair<std::span<std::byte>>& rows) {
  NumberCanvas data(files.data, pictures.options);
  NumberCanvas target(files.target, pictures.options);
  require_one_size(data.size(), target.size());
  const StageScope transforming(Stage::kTransform);
  Targets none;
  MovedPicture both(data, none, &target);
  for (const Step& step : pictures.chain.steps()) step->apply_to_numbers(both, rng);
  require_size(data.size(), size);
  data.write(pictures.options.pixel_type, rows.data);
  target.write(pictures.options.pixel_type, rows.target);
}

}  // namespace

OfPair<FieldSpec> pair_fields(const PicturePipeline& pictures, ColorChanges changes, const FieldSpec& image) {
  OfPair<FieldSpec> fields = {image, image};
  if (changes != ColorChanges::kBoth) {
    const int channels = millrace::channels(pictures.options.mode);
    for (const Step& step : pictures.chain.steps()) step->check_channels(channels);
    (changes == ColorChanges::kData ? fields.target : fields.data).shape[0] = channels;
  }
  fields.data.name = "data";
  fields.target.name = "target";
  return fields;
}

void render_pair(const PicturePipeline& pictures, ColorChanges changes, const OfPair<std::span<const std::byte>>& files,
                 SampleRng& rng, image::Size size, const OfPair<std::span<std::byte>>& rows) {
  if (pictures.options.pixel_type != PixelType::kUInt8) {
    render_numbers(pictures, files, rng, size, rows);
    return;
  }
  thread_local OfPair<Canvas> canvases;
  canvases.data.open(files.data, pictures.options);
  canvases.target.open(files.target, pictures.options);
  require_one_size(canvases.data.size(), canvases.target.size());
  const StageScope transforming(Stage::kTransform);
  const Part data = {canvases.data, rows.data};
  const Part target = {canvases.target, rows.target};
  switch (changes) {
    case ColorChanges::kBoth:
      return render_both(pictures.chain, data, target, size, rng);
    case ColorChanges::kData:
      return render_one(pictures.chain, data, target, size, rng);
    case ColorChanges::kTarget:
      return render_one(pictures.chain, target, data, size, rng);
  }
}

}  // namespace millrace::transforms
