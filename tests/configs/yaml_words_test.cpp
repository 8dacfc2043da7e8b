#include "millrace/configs/yaml_words.h"

#include <gtest/gtest.h>

namespace millrace::configs::yaml_words_test {
namespace {

TEST(YamlWords, StandInThePlaceOfThoseOfCpp) {
  EXPECT_EQ(in_yaml_words("add a transform that fixes the size, such as Resize({64, 108}) or RandomResizedCrop"),
            "add a transform that fixes the size, such as resize: {size: [64, 108]} or random_resized_crop");
  EXPECT_EQ(in_yaml_words("ColorJitter: hue must be {low, high}, got {-0.75, 0.75}"),
            "color_jitter: hue must be [low, high], got [-0.75, 0.75]");
  EXPECT_EQ(in_yaml_words("a batch's shape, so Grayscale(1) must be a step of its own"),
            "a batch's shape, so grayscale: {num_output_channels: 1} must be a step of its own");
  EXPECT_EQ(in_yaml_words("Chain: Pad(edge)"), "Chain: pad(edge)");
}

TEST(YamlWords, LeavePathsAndOtherTextsAlone) {
  for (const char* text :
       {"", "'Resize'", "photos/Resize/1.jpg: no picture", "cannot read Resize.png", "'{a}", "Resizer"})
    EXPECT_EQ(in_yaml_words(text), text);
}

}  // namespace
}  // namespace millrace::configs::yaml_words_test
