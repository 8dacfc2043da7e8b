#include "millrace/loader/images/datasets/image_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::image_files_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> paths_of(const ImageFiles& files) {
  std::vector<std::string> paths;
  for (size_t i = 0; i < files.size(); ++i) paths.push_back(files.describe(i));
  return paths;
}

TEST(ImageFiles, AreAllPicturesBelowADirectory) {
  const test::Directory folder;
  folder.copy("formats/rgb.png", "b.png");
  folder.copy("formats/rgb.png", "cats/a.png");
  folder.copy("formats/rgb.png", "a.PNG");
  folder.write("notes.txt", "no picture");
  const std::string root = folder.path();
  EXPECT_THAT(paths_of(ImageFiles(root)), ElementsAre(root + "/a.PNG", root + "/b.png", root + "/cats/a.png"));
}

TEST(ImageFiles, AreASinglePictureOfAnyName) {
  const test::Directory folder;
  folder.copy("formats/rgb.png", "picture");
  EXPECT_THAT(paths_of(ImageFiles(folder.path() + "/picture")), ElementsAre(folder.path() + "/picture"));
}

TEST(ImageFiles, AreReadByWorkers) {
  const test::Directory folder;
  for (const char* name : {"a.png", "b.png", "c.png"}) folder.copy("formats/rgb.png", name);
  const auto files = ImageFiles(folder.path()).transform(transforms::Resize({4, 5}));
  const auto loader = make_data_loader(files, DataLoaderOptions(2).num_workers(2));
  int64_t samples = 0;
  while (const auto batch = loader->next()) {
    EXPECT_EQ(batch->columns().size(), 1U);
    EXPECT_EQ(batch->data().sizes().slice(1).vec(), (std::vector<int64_t>{3, 4, 5}));
    samples += batch->size();
  }
  EXPECT_EQ(samples, 3);
}

TEST(ImageFiles, SayWhatIsWrong) {
  const test::Directory folder;
  EXPECT_THAT(test::error_of([&] { ImageFiles files(folder.path() + "/none"); }), HasSubstr("/none'; check the path"));
  EXPECT_THAT(test::error_of([&] { ImageFiles files(folder.path()); }), HasSubstr("no pictures: no file below"));
  folder.copy("formats/rgb.png", "a.png");
  EXPECT_THAT(test::error_of([&] { ImageFiles(folder.path()).describe(1); }), HasSubstr("index 1 is outside"));
}

}  // namespace
}  // namespace millrace::image_files_test
