#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"

namespace millrace::transforms {

/// The left, top, right and bottom edge of a box, in pixels from the picture's upper left corner: torchvision's
/// BoundingBoxFormat.XYXY.
using TargetBox = std::array<float, 4>;

/// The boxes and masks that belong to a picture, which move where a chain moves it:
///
///   thread_local Targets targets;
///   targets.clear();
///   targets.boxes = boxes_of(i);
///   targets.add_mask(read_file(mask_path(i)));
///   renderer.render(chain, file, mode, rng, size, row, targets);
///   // targets.boxes and targets.masks() now belong to the picture in `row`.
///
/// They follow torchvision.transforms.v2's functions for tv_tensors.BoundingBoxes (float32) and tv_tensors.Mask
/// (uint8), with the very draws of the picture. Boxes are cut at the edges by crops, borders and affine maps; a turned
/// box becomes the upright one around it. Masks are resized to the nearest pixel, and are 0 where there was no picture
/// before (torchvision fills them with the picture's `fill`, unless told otherwise). RandomErasing and all that changes
/// colours leave both alone; RandAugment and TrivialAugmentWide, which refuse them in torchvision, move them.
///
/// No box is dropped and none changes its place, so that labels stay beside them: one that has left the picture comes
/// out without an area. sane_boxes() tells which ones to keep.
///
/// One object serves one thread and keeps its memory.
class Targets {
 public:
  std::vector<TargetBox> boxes;

  /// Removes all boxes and masks.
  void clear();

  /// Adds a mask from the bytes of its file: a picture of one channel in a lossless format, whose numbers are taken as
  /// they are in the file, gray values of 8 or 16 bits or indices into a palette (PASCAL VOC). The orientation in its
  /// EXIF data is not looked at. Throws std::runtime_error for files of other kinds, for numbers over 255, and for a
  /// mask of more than max_pixels or of another size than the one before.
  void add_mask(std::span<const std::byte> file, int64_t max_pixels = kMaxPixels);

  /// Adds a mask of height x width values, row by row. Throws as add_mask(file) does.
  void add_mask(image::Size size, std::span<const uint8_t> values);

  int num_masks() const { return num_masks_; }

  /// The size of each mask; zero without any.
  image::Size mask_size() const { return mask_size_; }

  /// The values of all masks, num_masks() x height x width.
  std::span<const uint8_t> masks() const { return masks_; }

  bool empty() const { return boxes.empty() && num_masks_ == 0; }

  /// crop() and the methods below it move the targets as the Renderer moves their picture; `now` is the picture's size
  /// before.
  void crop(const image::Box& box);
  void flip_horizontal(image::Size now);
  void flip_vertical(image::Size now);
  void resize(image::Size now, image::Size target);
  void pad(image::Size now, const image::Borders& borders, image::PadMode mode);
  void transform_affine(image::Size now, const image::Affine& affine);

 private:
  image::Planes mask_planes() { return {masks_.data(), mask_size_, num_masks_}; }
  /// Makes masks of `size` of the present ones; `write` gets the memory for the new ones.
  template <class Write>
  void replace_masks(image::Size size, Write write);

  int num_masks_ = 0;
  image::Size mask_size_;
  std::vector<uint8_t> masks_;
  std::vector<uint8_t> other_masks_;
};

/// The numbers of the boxes that torchvision.transforms.v2.SanitizeBoundingBoxes would keep in a picture of that size:
/// at least min_size wide and high, of at least min_area, and inside the picture.
std::vector<size_t> sane_boxes(std::span<const TargetBox> boxes, image::Size picture, float min_size = 1,
                               float min_area = 1);

}  // namespace millrace::transforms
