#include "millrace/loader/images/transforms/renderer.h"

#include <stdexcept>
#include <string>

#include "millrace/loader/stages.h"

namespace millrace::transforms {

using image::Size;

void require_size(Size come_out, Size held) {
  if (come_out == held) return;
  throw ImageSizeError("the picture comes out " + to_string(come_out) + " (height x width), the batch holds " +
                       to_string(held) + ": add a transform that fixes the size, such as Resize({" +
                       std::to_string(held.height) + ", " + std::to_string(held.width) + "}) or RandomResizedCrop");
}

void require_masks_of(Size picture, const Targets& targets) {
  if (targets.num_masks() == 0 || targets.mask_size() == picture) return;
  throw std::runtime_error("the masks are " + to_string(targets.mask_size()) +
                           " (height x width), the picture they belong to is " + to_string(picture));
}

void write_row(Canvas& canvas, std::span<const Step> float_steps, Size size, SampleRng& rng, std::span<std::byte> row) {
  require_size(canvas.size(), size);
  if (float_steps.empty()) {
    canvas.write({reinterpret_cast<uint8_t*>(row.data()), row.size()});
    return;
  }
  auto* const floats = reinterpret_cast<float*>(row.data());
  float_steps.front()->write(canvas.pixels(), floats);
  for (const Step& step : float_steps.subspan(1)) step->apply_to_floats(floats, canvas.channels(), size, rng);
}

void Renderer::render(const Chain& chain, std::span<const std::byte> file, const PictureOptions& options,
                      SampleRng& rng, Size size, std::span<std::byte> row) {
  render(chain, file, options, rng, size, row, no_targets_);
}

void Renderer::render(const Chain& chain, std::span<const std::byte> file, const PictureOptions& options,
                      SampleRng& rng, Size size, std::span<std::byte> row, Targets& targets) {
  canvas_.open(file, options);
  run(chain, rng, size, row, targets);
}

void Renderer::render(const Chain& chain, std::span<const uint8_t> planes, Size picture_size, SampleRng& rng, Size size,
                      std::span<std::byte> row) {
  canvas_.open(planes, picture_size);
  run(chain, rng, size, row, no_targets_);
}

/// Takes the picture on the canvas through the chain into the row.
void Renderer::run(const Chain& chain, SampleRng& rng, Size size, std::span<std::byte> row, Targets& targets) {
  const StageScope transforming(Stage::kTransform);
  require_masks_of(canvas_.size(), targets);
  Pixels picture(canvas_, targets, scratch_);
  for (const Step& step : chain.pixel_steps()) step->apply(picture, rng);
  write_row(canvas_, chain.float_steps(), size, rng, row);
}

}  // namespace millrace::transforms
