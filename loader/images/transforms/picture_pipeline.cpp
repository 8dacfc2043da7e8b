#include "millrace/loader/images/transforms/picture_pipeline.h"

#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/transforms/moved_picture.h"
#include "millrace/loader/images/transforms/number_canvas.h"
#include "millrace/loader/images/transforms/renderer.h"
#include "millrace/loader/stages.h"

namespace millrace::transforms {
namespace {

void render_numbers(const PicturePipeline& pipeline, std::span<const std::byte> file, SampleRng& rng, image::Size size,
                    std::span<std::byte> row, Targets& targets) {
  NumberCanvas canvas(file, pipeline.options);
  const StageScope transforming(Stage::kTransform);
  require_masks_of(canvas.size(), targets);
  MovedPicture picture(canvas, targets);
  for (const Step& step : pipeline.chain.steps()) step->apply_to_numbers(picture, rng);
  require_size(canvas.size(), size);
  canvas.write(pipeline.options.pixel_type, row);
}

}  // namespace

FieldSpec PicturePipeline::field(const std::function<std::span<const std::byte>()>& first) const {
  auto size = chain.fixed_size();
  if (!size) size = chain.output_size(image::ImageDecoder().open(first(), options));
  return chain.field("image", options, *size);
}

void PicturePipeline::render(std::span<const std::byte> file, SampleRng& rng, const FieldSpec& field,
                             std::span<std::byte> row, Targets& targets) const {
  thread_local Renderer renderer;
  const image::Size size = {static_cast<int>(field.shape[1]), static_cast<int>(field.shape[2])};
  if (options.pixel_type == PixelType::kUInt8)
    renderer.render(chain, file, options, rng, size, row, targets);
  else
    render_numbers(*this, file, rng, size, row, targets);
}

}  // namespace millrace::transforms
