// Boxes and masks move with their picture. What torchvision makes of them is in torchvision_test.cpp; here, that the
// renderer moves them by the very draws of the picture.
#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millrace/tests/loader/images/chains.h"

namespace millrace::transforms::targets_test {
namespace {

using image::Size;
using millrace::test::blank;
using millrace::test::Bytes;
using millrace::test::Planes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A gray picture as a PGM file.
Bytes encoded(const Planes& picture) {
  const std::string header =
      "P5\n" + std::to_string(picture.size.width) + " " + std::to_string(picture.size.height) + "\n255\n";
  return test::bytes_of(header + std::string(picture.values.begin(), picture.values.end()));
}

/// Black but for a white box.
Planes with_box(Size size, const image::Box& box) { return test::erase(blank(size, 1), box, {255}); }

TargetBox corners(const image::Box& box) {
  return {static_cast<float>(box.x), static_cast<float>(box.y), static_cast<float>(box.x + box.width),
          static_cast<float>(box.y + box.height)};
}

/// The upright box around the pixels of at least 128.
TargetBox bounds(const Planes& picture) {
  TargetBox box = {1e9f, 1e9f, 0, 0};
  for (int y = 0; y < picture.size.height; ++y) {
    for (int x = 0; x < picture.size.width; ++x) {
      if (picture.at(0, y, x) < 128) continue;
      box = {std::min(box[0], static_cast<float>(x)), std::min(box[1], static_cast<float>(y)),
             std::max(box[2], static_cast<float>(x + 1)), std::max(box[3], static_cast<float>(y + 1))};
    }
  }
  return box;
}

TEST(Targets, FollowThePixelsTheyMark) {
  const std::vector<Chain> chains = {
      RandomHorizontalFlip(1) | RandomVerticalFlip(1),
      RandomResizedCrop(96, {0.8, 1}) | RandomHorizontalFlip() | RandomVerticalFlip(),
      Pad(image::Borders{3, 5, 7, 9}, {0}, PadMode::kEdge) | RandomCrop(130),
      RandomCrop({140, 170}, Pad(6), true) | RandomHorizontalFlip(),
      Resize(80) | CenterCrop(70) | Resize({150, 100}),
      CenterCrop({200, 100}) | RandomHorizontalFlip(),
      RandomRotation({90, 90}) | RandomHorizontalFlip(),
      RandomAffine({.translate = {0.1, 0.1}, .scale = {0.9, 1.2}}),
      RandomApply(RandomVerticalFlip() | RandomHorizontalFlip(1), 0.5),
  };
  const Size size = {150, 150};
  const image::Box marked = {60, 50, 30, 42};
  const Planes picture = with_box(size, marked);
  const Bytes file = encoded(picture);
  Renderer renderer;
  Targets targets;
  for (const Chain& chain : chains) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(to_string(chain) + " seed " + std::to_string(seed));
      targets.clear();
      targets.boxes = {corners(marked)};
      targets.add_mask(file);
      SampleRng rng(seed);
      Planes out = blank(chain.output_size(size), 1);
      renderer.render(chain, file, ImageMode::kGray, rng, out.size, std::as_writable_bytes(std::span(out.values)),
                      targets);
      ASSERT_EQ(targets.mask_size(), out.size);
      Planes mask = blank(out.size, 1);
      std::copy(targets.masks().begin(), targets.masks().end(), mask.values.begin());
      const TargetBox of_picture = bounds(out);
      const TargetBox of_mask = bounds(mask);
      for (size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(targets.boxes[0][i], of_picture[i], 1.01);
        EXPECT_NEAR(of_mask[i], of_picture[i], 2);  // The nearest pixel, against a filtered picture.
      }
    }
  }
}

TEST(Targets, DoNotChangeWhatThePictureDraws) {
  const Chain chain = RandomResizedCrop(64) | RandomHorizontalFlip() | RandAugment() | RandomRotation(20);
  const std::string path = test::jpeg_paths().back();
  const Bytes file = test::read_bytes(path);
  Renderer renderer;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Targets targets;
    targets.boxes = {{1, 2, 30, 40}};
    SampleRng rng(seed);
    Planes out = blank({64, 64}, 3);
    renderer.render(chain, file, ImageMode::kRGB, rng, out.size, std::as_writable_bytes(std::span(out.values)),
                    targets);
    EXPECT_EQ(out, test::render(renderer, chain, path, ImageMode::kRGB, seed));
  }
}

TEST(Targets, BoxesAreCutAtEdgesAndNeverDropped) {
  Targets targets;
  targets.boxes = {{10, 10, 50, 50}, {0, 0, 5, 5}, {20, 30, 40, 45}};
  targets.crop({20, 15, 20, 30});
  EXPECT_THAT(targets.boxes, ElementsAre(TargetBox{0, 0, 30, 20}, TargetBox{0, 0, 0, 0}, TargetBox{5, 10, 25, 20}));
  EXPECT_THAT(sane_boxes(targets.boxes, {20, 30}), ElementsAre(0U, 2U));
  EXPECT_THAT(sane_boxes(targets.boxes, {20, 30}, 1, 300), ElementsAre(0U));
  EXPECT_THAT(sane_boxes(targets.boxes, {20, 30}, 15), ElementsAre(0U));
  EXPECT_THAT(sane_boxes(targets.boxes, {20, 29}), ElementsAre(2U));
}

TEST(Targets, KeepSeveralMasksApart) {
  Targets targets;
  const Planes first = with_box({20, 30}, {2, 3, 4, 5});
  const Planes second = with_box({20, 30}, {9, 9, 9, 9});
  targets.add_mask(encoded(first));
  targets.add_mask(second.size, second.values);
  EXPECT_EQ(targets.num_masks(), 2);
  targets.flip_horizontal({20, 30});
  std::vector<uint8_t> want = test::mirror(first).values;
  const Planes other = test::mirror(second);
  want.insert(want.end(), other.values.begin(), other.values.end());
  EXPECT_EQ(std::vector<uint8_t>(targets.masks().begin(), targets.masks().end()), want);
}

std::string error_of(const Chain& chain, const Targets& targets) {
  const Bytes file = encoded(blank({40, 50}, 1));
  Targets moving = targets;
  SampleRng rng(1);
  Planes out = blank(chain.output_size({40, 50}), 1);
  try {
    Renderer().render(chain, file, ImageMode::kGray, rng, out.size, std::as_writable_bytes(std::span(out.values)),
                      moving);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Targets, RefuseMasksOfAnotherSizeAndShapesThatAFunctionChanges) {
  Targets targets;
  targets.add_mask(encoded(blank({50, 40}, 1)));
  EXPECT_THAT(error_of(Chain(), targets), HasSubstr("the masks are 50x40"));
  EXPECT_THROW(targets.add_mask(encoded(blank({40, 50}, 1))), std::runtime_error);
  EXPECT_THROW(targets.add_mask({50, 40}, std::vector<uint8_t>(7)), std::runtime_error);
  targets.clear();
  targets.boxes = {{1, 1, 2, 2}};
  const auto cut = [](at::Tensor picture, SampleRng&) { return picture.slice(1, 0, 10); };
  EXPECT_THAT(error_of(Lambda(cut, Lambda::Shape{1, {10, 50}}), targets), HasSubstr("cannot move what belongs to it"));
  EXPECT_EQ(error_of(Lambda([](at::Tensor picture, SampleRng&) { return picture; }), targets), "no error");
}

}  // namespace
}  // namespace millrace::transforms::targets_test
