#include "millrace/surveys/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "millrace/configs/check.h"
#include "millrace/configs/node.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/support/directory.h"

namespace millrace::configuration_test {
namespace {

using namespace surveys;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Class folders, of which a test sets what it is about.
Survey photos() {
  Survey found;
  found.seen = {"'photos/train': 3000 pictures in 10 classes", "pictures of 100 x 80 to 800 x 600 pixels"};
  found.dataset = {{"type: image_folder", "One folder a class."}, {"root: photos/train", "From here."}};
  found.test = {{"type: image_folder", "One folder a class."}, {"root: photos/test", "From here."}};
  found.samples = 3000;
  found.pictures.short_side = 80;
  return found;
}

// The text, after it was read and checked as train does.
std::string checked(const Survey& found) {
  const std::string text = configuration(found, "photos", "photos.yaml", 4);
  const test::Directory folder;
  folder.write("photos.yaml", text);
  EXPECT_NO_THROW(configs::load_run(folder.path() + "/photos.yaml", {})) << text;
  return text;
}

TEST(Configuration, IsOneThatTrainReads) {
  Survey found = photos();
  const std::string text = checked(found);
  EXPECT_THAT(text, AllOf(HasSubstr("# 'photos/train': 3000 pictures in 10 classes\n"),
                          HasSubstr("  root: photos/train"), HasSubstr("    root: photos/test"),
                          HasSubstr("random_resized_crop: {size: 64}"), HasSubstr("center_crop: {size: 64}"),
                          HasSubstr("num_workers: 3"), HasSubstr("millrace train photos.yaml --validate")));
  for (const Task task : {Task::kRegression, Task::kSegmentation, Task::kImageToImage}) {
    found.task = task;
    checked(found);
  }
}

TEST(Configuration, ShowsCommandsThatAShellTakes) {
  EXPECT_THAT(configuration(photos(), "my photos", "my photos.yaml", 4),
              AllOf(HasSubstr("`millrace init 'my photos'`"), HasSubstr("millrace train 'my photos.yaml' --validate"),
                    HasSubstr("millrace train 'my photos.yaml' epochs=5")));
}

TEST(Configuration, HoldsAFifthOutWhereThereIsNoTestPart) {
  Survey found = photos();
  found.test.clear();
  EXPECT_THAT(checked(found), AllOf(HasSubstr("  part: 0"), HasSubstr("part: 1"), HasSubstr("    root: photos/train")));
}

TEST(Configuration, HoldsNothingOutOfAHandfulOfSamples) {
  Survey found = photos();
  found.test.clear();
  found.samples = 4;
  EXPECT_THAT(checked(found), AllOf(Not(HasSubstr("random_split")), HasSubstr("\n  root: photos/train")));
}

TEST(Configuration, FitsTheSizesOfPictures) {
  Survey found = photos();
  for (const auto& [side, size] : {std::pair{30, 32}, {64, 64}, {500, 128}}) {
    found.pictures.short_side = side;
    EXPECT_THAT(checked(found), HasSubstr("random_resized_crop: {size: " + std::to_string(size) + "}")) << side;
  }
  found.pictures.one_size = true;
  EXPECT_THAT(checked(found), AllOf(Not(HasSubstr("random_resized_crop")), HasSubstr("transforms: []")));
  found.pictures.upright = true;
  EXPECT_THAT(checked(found), AllOf(Not(HasSubstr("- random_horizontal_flip")), HasSubstr("random_crop: {size: ")));
  found.pictures.from_files = false;
  EXPECT_THAT(checked(found), Not(HasSubstr("transforms")));
}

TEST(Configuration, TakesANetworkForVectors) {
  Survey found = photos();
  found.features = 10;
  found.pictures.from_files = false;
  found.pictures.mean = found.pictures.std = "";
  EXPECT_THAT(checked(found), AllOf(HasSubstr("\n  type: mlp "), Not(HasSubstr("transforms")), Not(HasSubstr("mix"))));
  found.task = Task::kRegression;
  EXPECT_THAT(checked(found), HasSubstr("\ntask: regression "));
}

TEST(Configuration, GoesOnBehindBrokenPicturesAndSaysSo) {
  Survey found = photos();
  EXPECT_THAT(checked(found), Not(HasSubstr("on_error")));
  found.has_broken = true;
  EXPECT_THAT(checked(found), AllOf(HasSubstr("\n  on_error: skip"), HasSubstr("\n    on_error: skip")));
}

TEST(Configuration, SaysWhatTheDatasetDoesNotSayItself) {
  Survey found = photos();
  found.classes = 7;
  EXPECT_THAT(checked(found), HasSubstr("\nclasses: 7 "));
  found.pictures.mean = found.pictures.std = "";
  EXPECT_THAT(checked(found), Not(HasSubstr("normalize")));
}

TEST(Configuration, HasACommentBehindEachKeyInOneColumnAndLinesThatFitAScreen) {
  std::istringstream lines(checked(photos()));
  int number = 0;
  std::set<size_t> columns;
  for (std::string line; std::getline(lines, line); ++number) {
    EXPECT_LE(line.size(), 110U) << line;
    if (line.empty() || line.front() == '#' || line.back() == ':') continue;
    EXPECT_THAT(line, HasSubstr("# "));
    columns.insert(line.rfind("# "));
  }
  EXPECT_GT(number, 40);
  EXPECT_EQ(columns.size(), 1U);
}

TEST(Configuration, HasItsCommentsInOneColumnBesideALongPathToo) {
  Survey found = photos();
  found.dataset[1].yaml = "root: " + std::string(60, 'x');
  const std::string text = checked(found);
  EXPECT_THAT(text, HasSubstr("\n  root: " + std::string(60, 'x') + "  # From here.\n"));
  EXPECT_EQ(text.find("# One folder a class.\n") - text.rfind('\n', text.find("# One folder a class.\n")),
            text.find("# Samples a step") - text.rfind('\n', text.find("# Samples a step")));
}

}  // namespace
}  // namespace millrace::configuration_test
