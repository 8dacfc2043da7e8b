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

TEST(YamlWords, AreThoseOfDatasetsAndSamplersToo) {
  EXPECT_EQ(in_yaml_words("image_folder: ImageFolder wants one directory a class"),
            "image_folder: image_folder wants one directory a class");
  EXPECT_EQ(in_yaml_words("RandomSampler: of a DataLoader"), "random: of a loader");
  EXPECT_EQ(in_yaml_words("MNIST and Subset are words"), "MNIST and Subset are words");
}

TEST(YamlWords, LeaveTypesOfErrorsOut) {
  EXPECT_EQ(in_yaml_words("sample 0 ('a.jpg'), read in the trainer: std::runtime_error: cannot read 'a.jpg'"),
            "sample 0 ('a.jpg'), read in the trainer: cannot read 'a.jpg'");
  EXPECT_EQ(in_yaml_words("c10::Error: no memory"), "no memory");
  EXPECT_EQ(in_yaml_words("run.yaml:1:2: key: what"), "run.yaml:1:2: key: what");
}

TEST(YamlWords, LeaveMapsAsTheyAre) {
  EXPECT_EQ(in_yaml_words("write {size: 64} or {\"path\": …}, not {64, {1, 2}}"),
            "write {size: 64} or {\"path\": …}, not [64, [1, 2]]");
  EXPECT_EQ(in_yaml_words("a } and a { alone"), "a } and a { alone");
}

TEST(YamlWords, LeavePathsAndOtherTextsAlone) {
  for (const char* text :
       {"", "'Resize'", "photos/Resize/1.jpg: no picture", "cannot read Resize.png", "'{a}", "Resizer"})
    EXPECT_EQ(in_yaml_words(text), text);
}

}  // namespace
}  // namespace millrace::configs::yaml_words_test
