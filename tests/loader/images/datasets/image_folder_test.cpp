#include "millrace/loader/images/datasets/image_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/tests/loader/images/pictures.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"
#include "millrace/tests/support/error_of.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using namespace millrace::transforms;
using millrace::test::data_path;
using millrace::test::Directory;
using millrace::test::error_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Matcher;
using ::testing::Not;

struct Sample {
  std::vector<uint8_t> image;
  int64_t label = -1;
  bool operator==(const Sample&) const = default;
};

Sample read(const ImageFolder& photos, size_t i, uint64_t seed = 1) {
  const SampleSpec spec = photos.spec();
  Sample sample{std::vector<uint8_t>(spec.fields[0].bytes()), -1};
  std::byte* rows[] = {reinterpret_cast<std::byte*>(sample.image.data()), reinterpret_cast<std::byte*>(&sample.label)};
  SampleRow row(spec, rows);
  SampleContext context(seed, 0);
  photos.read(i, row, context);
  return sample;
}

Matcher<std::string> one_line_with(const std::string& path, const std::string& cure) {
  return AllOf(HasSubstr(path), HasSubstr(cure), Not(HasSubstr("\n")));
}

/// A folder of one class with one picture, which `make` makes at the path it gets.
template <class Make>
std::string error_of_picture(const char* name, Make make) {
  const Directory root;
  fs::create_directory(root.path() + "/class");
  const std::string path = root.path() + "/class/" + name;
  make(path);
  return error_of([&] { read(ImageFolder(root.path()).transform(Resize({8, 8})), 0); });
}

TEST(ImageFolder, FifoIsRefusedByKindWithoutWaiting) {
  EXPECT_THAT(error_of_picture("a.png", [](const std::string& path) { ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0); }),
              AllOf(HasSubstr("a.png': a FIFO, not a regular file"), Not(HasSubstr("\n"))));
}

TEST(ImageFolder, DeviceIsRefusedByKind) {
  EXPECT_THAT(error_of_picture("a.png", [](const std::string& path) { fs::create_symlink("/dev/zero", path); }),
              HasSubstr("a.png': a device, not a regular file"));
}

TEST(ImageFolder, SparseFileOfThreeGigabytesIsRefusedBySize) {
  EXPECT_THAT(error_of_picture("a.jpg",
                               [](const std::string& path) {
                                 std::ofstream(path) << "\xFF\xD8\xFF";
                                 fs::resize_file(path, 3'000'000'000);
                               }),
              AllOf(HasSubstr("a.jpg': a file of 3000000000 bytes, over the limit of 716876456 bytes"),
                    HasSubstr("raise the dataset's max_pixels")));
}

TEST(ImageFolder, LimitOfPixelsIsItsOwn) {
  const ImageFolder photos(data_path("photos"));
  EXPECT_THAT(error_of([&] { read(photos.transform(Resize({8, 8})).max_pixels(100), 0); }),
              HasSubstr("over the limit of 100 pixels"));
  EXPECT_THROW(photos.max_pixels(0), std::invalid_argument);
}

/// What goes to stderr while `call` runs.
template <class Call>
std::string warnings_of(Call call) {
  ::testing::internal::CaptureStderr();
  call();
  return ::testing::internal::GetCapturedStderr();
}

TEST(ImageFolder, LitterIsNoDataAndNoClassAndOneLineTellsIt) {
  const Directory root;
  for (const char* file : {"cat/0.png", "dog/0.png"}) root.copy("formats/rgb.png", file);
  for (const char* file :
       {".ipynb_checkpoints/0.png", "cat/.ipynb_checkpoints/0.png", "cat/deep/.hidden/0.png", "cat/._0.png",
        "__MACOSX/cat/._0.png", "@eaDir/0.png", "dog/@eaDir/0.png/small.jpg", "$RECYCLE.BIN/0.png", "cat/.0.png"})
    root.copy("formats/rgb.png", file);
  fs::create_directory(root.path() + "/.git");
  for (const char* file : {".DS_Store", "dog/Thumbs.db", "dog/desktop.ini"}) root.write(file, "x");
  ImageFolder photos;
  const std::string warning = warnings_of([&] { photos = ImageFolder(root.path()); });
  EXPECT_THAT(photos.classes(), ElementsAre("cat", "dog"));
  ASSERT_EQ(photos.size(), 2U);
  EXPECT_THAT(photos.describe(0), EndsWith("/cat/0.png"));
  EXPECT_THAT(warning, HasSubstr("image_folder: left out of '" + root.path() + "': 13 files and folders"));
  EXPECT_EQ(std::count(warning.begin(), warning.end(), '\n'), 1);
}

TEST(ImageFolder, PicturesBesideTheClassesAreToldToBeLeftOut) {
  const Directory root;
  for (const char* file : {"night/0.png", "2.png", "1.png"}) root.copy("formats/rgb.png", file);
  root.write("list.csv", "path");
  ImageFolder photos;
  const std::string warning = warnings_of([&] { photos = ImageFolder(root.path()); });
  EXPECT_EQ(photos.size(), 1U);
  EXPECT_THAT(warning, HasSubstr("2 pictures beside the class directories, the first is '1.png'"));
  EXPECT_THAT(warning, HasSubstr("read by ImageFiles"));
}

TEST(ImageFolder, RootMayBeHidden) {
  const Directory root;
  root.copy("formats/rgb.png", ".cache/photos/a/0.png");
  EXPECT_EQ(warnings_of([&] { EXPECT_EQ(ImageFolder(root.path() + "/.cache/photos").size(), 1U); }), "");
}

TEST(ImageFolder, CycleOfLinksIsWalkedOnce) {
  const Directory root;
  for (const char* file : {"cat/0.png", "dog/0.png", "dog/deep/1.png"}) root.copy("formats/rgb.png", file);
  fs::create_symlink(".", root.path() + "/self");
  fs::create_symlink(".", root.path() + "/cat/a");
  fs::create_symlink(".", root.path() + "/cat/b");
  fs::create_symlink("..", root.path() + "/cat/all");
  fs::create_symlink("..", root.path() + "/dog/deep/up");
  const ImageFolder photos(root.path());
  EXPECT_THAT(photos.classes(), ElementsAre("cat", "dog"));
  ASSERT_EQ(photos.size(), 3U);
  EXPECT_THAT(photos.describe(0), EndsWith("/cat/0.png"));
}

TEST(ImageFolder, TwoLinksToOneFolderCountTwice) {
  const Directory root;
  root.copy("formats/rgb.png", "elsewhere/0.png");
  fs::create_directories(root.path() + "/set/cat");
  for (const char* link : {"/set/cat/a", "/set/cat/b", "/set/dog"})
    fs::create_symlink(root.path() + "/elsewhere", root.path() + link);
  const ImageFolder photos(root.path() + "/set");
  ASSERT_EQ(photos.size(), 3U);
  EXPECT_THAT(photos.describe(0), EndsWith("/cat/a/0.png"));
  EXPECT_THAT(photos.describe(1), EndsWith("/cat/b/0.png"));
  EXPECT_THAT(photos.describe(2), EndsWith("/dog/0.png"));
}

TEST(ImageFolder, LinksThatMultiplyAreRefused) {
  const Directory root;
  const std::string cat = root.path() + "/set/cat";
  for (int i = 0; i < 40; ++i) {
    const std::string folder = cat + "/" + std::to_string(i);
    root.copy("formats/rgb.png", "set/cat/" + std::to_string(i) + "/0.png");
    for (const char* link : {"/a", "/b"}) fs::create_symlink("../" + std::to_string(i + 1), folder + link);
  }
  EXPECT_THAT(error_of([&] { ImageFolder(root.path() + "/set"); }),
              AllOf(one_line_with(cat, "remove those"), HasSubstr("lead to one folder in more than 1000 ways")));
}

TEST(ImageFolder, HomeFoldersAreExpanded) {
  const Directory root;
  root.copy("formats/rgb.png", "photos/cat/0.png");
  root.copy("formats/rgb.png", "~nobody of this name/cat/0.png");
  const test::Environment home("HOME", root.path());
  EXPECT_EQ(ImageFolder("~/photos").describe(0), root.path() + "/photos/cat/0.png");
  const std::string error = error_of([] { ImageFolder("~root/none"); });
  EXPECT_THAT(error, AllOf(HasSubstr("/none'"), Not(HasSubstr("~"))));
  EXPECT_THAT(error_of([] { ImageFolder("~nobody of this name"); }), HasSubstr("'~nobody of this name'"));
}

TEST(ImageFolder, PathWithANulIsRefused) {
  const Directory root;
  root.copy("formats/rgb.png", "cat/0.png");
  EXPECT_THAT(error_of([&] { ImageFolder(root.path() + std::string("\0other", 6)); }), HasSubstr("has a NUL in it"));
}

TEST(ImageFolder, ClassesAndFilesComeSorted) {
  const ImageFolder photos(data_path("photos"));
  EXPECT_THAT(photos.classes(), ElementsAre("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes",
                                            "shorts", "skirt", "t-shirt"));
  ASSERT_EQ(photos.size(), 80U);
  for (size_t i = 0; i < photos.size(); ++i) {
    EXPECT_EQ(photos.label(i), static_cast<int64_t>(i / 8));
    EXPECT_THAT(photos.describe(i), HasSubstr("/photos/" + photos.classes()[i / 8] + "/"));
    if (i % 8 != 0) {
      EXPECT_LT(photos.describe(i - 1), photos.describe(i));
    }
  }
}

TEST(ImageFolder, FindsPicturesByEndingInAnyCaseAndBelowTheClass) {
  const Directory directory;
  directory.copy("formats/rgb.png", "a/z/deep.PNG");
  directory.copy("formats/rgb.bmp", "a/b.Bmp");
  directory.copy("formats/gray.jpg", "a/c.JPEG");
  directory.write("a/notes.txt", "no picture");
  directory.copy("formats/rgb.webp", "b/w.webp");
  directory.write("stray.jpg", "not in a class");
  const ImageFolder photos(directory.path());
  ASSERT_EQ(photos.size(), 4U);
  EXPECT_THAT(photos.describe(0), EndsWith("/a/b.Bmp"));
  EXPECT_THAT(photos.describe(1), EndsWith("/a/c.JPEG"));
  EXPECT_THAT(photos.describe(2), EndsWith("/a/z/deep.PNG"));
  EXPECT_THAT(photos.describe(3), EndsWith("/b/w.webp"));
  EXPECT_EQ(photos.label(2), 0);
  EXPECT_EQ(photos.label(3), 1);
}

TEST(ImageFolder, ReadsTransformedPictureAndLabel) {
  const auto photos = ImageFolder(data_path("photos")).transform(RandomResizedCrop(32) | RandomHorizontalFlip());
  EXPECT_EQ(to_string(photos.spec()),
            to_string(SampleSpec{{"image", c10::ScalarType::Byte, {3, 32, 32}}, {"label", c10::ScalarType::Long, {}}}));
  const Sample sample = read(photos, 79);
  EXPECT_EQ(sample.label, 9);
  EXPECT_EQ(sample, read(photos, 79));
  EXPECT_NE(sample, read(photos, 79, 2));
}

TEST(ImageFolder, TransformsComposeAndLeaveTheOriginalAlone) {
  const ImageFolder photos(data_path("photos"));
  const auto both = photos.transform(Resize({40, 40})).transform(CenterCrop(32));
  EXPECT_EQ(both.chain(), Resize({40, 40}) | CenterCrop(32));
  EXPECT_EQ(photos.chain(), Chain());
}

TEST(ImageFolder, GrayModeHasOneChannel) {
  const auto photos = ImageFolder(data_path("photos")).transform(Resize({16, 16})).mode(ImageMode::kGray);
  EXPECT_EQ(photos.spec().fields[0].shape, (std::vector<int64_t>{1, 16, 16}));
  EXPECT_EQ(read(photos, 3).image.size(), 256U);
}

TEST(ImageFolder, TravelsThroughAnArchive) {
  const auto photos =
      ImageFolder(data_path("photos")).transform(RandomResizedCrop(32)).mode(ImageMode::kGray).max_pixels(1 << 20);
  Encoded encoded = encode(photos);
  DecodeArchive archive(encoded.bytes, encoded.fds);
  ImageFolder copy;
  archive(copy);
  EXPECT_EQ(copy.size(), photos.size());
  EXPECT_EQ(copy.classes(), photos.classes());
  EXPECT_EQ(copy.describe(17), photos.describe(17));
  EXPECT_EQ(read(copy, 17), read(photos, 17));
  EXPECT_NE(error_of([&] { read(copy.max_pixels(100), 17); }), "no error");
  // The file table is not in the message.
  EXPECT_LT(encoded.bytes.size(), 1000U);
}

TEST(ImageFolder, WithoutATransformAllMustHaveTheSizeOfTheFirst) {
  const Directory directory;
  directory.copy("formats/rgb.png", "a/1.png");
  directory.copy("formats/alpha.png", "a/2.png");
  directory.copy("formats/rgb.bmp", "a/3.bmp");
  const ImageFolder photos(directory.path());
  EXPECT_EQ(photos.spec().fields[0].shape, (std::vector<int64_t>{3, 71, 93}));
  EXPECT_EQ(read(photos, 0), read(photos, 1));
  EXPECT_THAT(error_of([&] { read(photos, 2); }),
              AllOf(one_line_with("/a/3.bmp", "Resize"), HasSubstr("18x24"), HasSubstr("71x93")));
}

TEST(ImageFolder, BadPicturesAreErrorsThatNameTheFile) {
  const Directory directory;
  directory.copy("formats/rgb.png", "a/0.png");
  directory.write("a/1.jpg", "");
  directory.write("a/2.jpg", "this is text\n");
  const auto whole = test::read_bytes(data_path("formats/baseline_420.jpg"));
  directory.write("a/3.jpg", std::string(reinterpret_cast<const char*>(whole.data()), whole.size() * 2 / 3));
  directory.copy("formats/rgb.png", "a/4.jpg");
  fs::create_symlink("nowhere.jpg", directory.path() + "/a/5.jpg");
  const auto photos = ImageFolder(directory.path()).transform(RandomResizedCrop(16));
  ASSERT_EQ(photos.size(), 6U);
  EXPECT_THAT(error_of([&] { read(photos, 1); }), one_line_with("/a/1.jpg", "empty file"));
  EXPECT_THAT(error_of([&] { read(photos, 2); }), one_line_with("/a/2.jpg", "not an image: first bytes 74 68 69 73"));
  EXPECT_THAT(error_of([&] { read(photos, 3); }), one_line_with("/a/3.jpg", "truncated JPEG"));
  EXPECT_EQ(error_of([&] { read(photos, 4); }), "no error");  // A PNG by another name is a PNG.
  EXPECT_THAT(error_of([&] { read(photos, 5); }), one_line_with("/a/5.jpg", "No such file"));
  // And the next one is fine.
  EXPECT_EQ(read(photos, 0), read(photos, 0));
}

TEST(ImageFolder, BadFoldersAreErrorsThatNameTheCure) {
  const Directory directory;
  const std::string root = directory.path();
  EXPECT_THAT(error_of([&] { ImageFolder(root + "/none"); }), one_line_with(root + "/none", "check the path"));
  EXPECT_THAT(error_of([&] { ImageFolder{root}; }), one_line_with(root, "one directory a class"));
  directory.copy("formats/rgb.png", "1.png");
  EXPECT_THAT(error_of([&] { ImageFolder{root}; }), one_line_with(root, "read by ImageFiles"));
  directory.write("file", "x");
  EXPECT_THAT(error_of([&] { ImageFolder(root + "/file"); }), one_line_with(root + "/file", "not a directory"));
  directory.copy("formats/rgb.png", "a/1.png");
  fs::create_directory(root + "/b");
  EXPECT_THAT(error_of([&] { ImageFolder{root}; }),
              one_line_with("folder 'b' has no pictures", "add some or remove the directory"));
}

TEST(ImageFolder, ClassesMayBeChosenAndOrdered) {
  const Directory directory;
  for (const char* file : {"ant/1.png", "bee/1.png", "bee/2.png", "cat/1.png"}) directory.copy("formats/rgb.png", file);
  fs::create_directory(directory.path() + "/without_pictures");
  const ImageFolder photos(directory.path(), {"cat", "bee"});
  EXPECT_THAT(photos.classes(), ElementsAre("cat", "bee"));
  EXPECT_EQ(photos.size(), 3U);
  EXPECT_THAT(photos.describe(0), EndsWith("/cat/1.png"));
  EXPECT_EQ(photos.label(0), 0);
  EXPECT_EQ(photos.label(2), 1);
  EXPECT_THAT(error_of([&] { ImageFolder(directory.path(), {"cat", "dog"}); }),
              one_line_with("no class 'dog': no such directory in '" + directory.path(), "such as 'ant'"));
  EXPECT_THAT(error_of([&] { ImageFolder(directory.path(), {"cat", "bee", "cat"}); }),
              one_line_with("class 'cat'", "listed twice: list it once"));
}

TEST(ImageFolder, DirectoryWithoutPermissionIsAnErrorThatNamesTheCure) {
  const Directory directory;
  const std::string locked = directory.path() + "/a";
  directory.copy("formats/rgb.png", "a/1.png");
  fs::permissions(locked, fs::perms::none);
  const bool may_read_everything = ::access(locked.c_str(), R_OK) == 0;
  const std::string error = error_of([&] { ImageFolder(directory.path()); });
  fs::permissions(locked, fs::perms::owner_all);
  if (may_read_everything) GTEST_SKIP() << "root may read every directory";
  EXPECT_THAT(error, one_line_with(locked, "chmod u+rx"));
}

}  // namespace
}  // namespace millrace
