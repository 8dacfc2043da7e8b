#include "millrace/loader/images/datasets/manifest.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"
#include "millrace/tests/support/paths.h"

namespace millrace {
namespace {

using namespace millrace::transforms;
using millrace::test::Directory;
using millrace::test::error_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kData = test::source("tests/data");

// Three pictures of 71x93, one of them as JPEG, with all there is.
constexpr const char* kCsv =
    "path,label,boxes,mask\n"
    "formats/rgb.png,cat,\"[[1, 2, 30.5, 40], [0, 0, 5, 5]]\",manifests/mask.png\n"
    "formats/baseline_444.jpg,ant,,manifests/mask.png\n"
    "formats/alpha.png,cat,\"[[3, 4, 5, 6]]\",manifests/mask.png\n";
constexpr const char* kJsonLines =
    R"({"path": "formats/rgb.png", "label": "cat", "boxes": [[1, 2, 30.5, 40], [0, 0, 5, 5]], "mask": "manifests/mask.png"}
{"mask": "manifests/mask.png", "boxes": [], "label": "ant", "path": "formats/baseline_444.jpg", "more": null}

{"path": "formats/alpha.png", "label": "cat", "boxes": [[3, 4, 5, 6]], "mask": "manifests/mask.png"})";

ImageManifestOptions everything() { return {.root = kData, .boxes = "boxes", .mask = "mask"}; }

ImageManifest manifest(const std::string& name, const std::string& text, const ImageManifestOptions& options) {
  const Directory directory;  // Gone when this returns: the manifest is read once.
  directory.write(name, text);
  return ImageManifest(directory.path() + "/" + name, options);
}

TEST(ImageManifest, ReadsDamagedJpegsWhereItIsToldToAndTheLoaderCountsThem) {
  const Directory directory;
  directory.copy("formats/baseline_420.jpg", "good.jpg");
  std::ostringstream good;
  good << std::ifstream(directory.path() + "/good.jpg", std::ios::binary).rdbuf();
  std::string bytes = good.str();
  bytes.erase(bytes.size() - 800, 798);
  directory.write("damaged.jpg", bytes);
  directory.write("a.csv", "path,label\ngood.jpg,1\ndamaged.jpg,2\n");
  const ImageManifest pictures(directory.path() + "/a.csv");
  for (const int64_t workers : {0, 2}) {
    auto loader = make_data_loader(pictures.damaged_jpegs(DamagedJpegs::kRead),
                                   DataLoaderOptions(1).num_workers(workers).prefetch(1));
    EXPECT_EQ(loader->stats().damaged_jpegs, 0U);
    for (int64_t i = 0; i < 2; ++i) ASSERT_TRUE(loader->next().has_value());
    EXPECT_EQ(loader->stats().damaged_jpegs, 1U) << workers << " workers";
  }
  auto loader = make_data_loader(pictures, DataLoaderOptions(2));
  EXPECT_THROW(loader->next(), SampleError);
}

TEST(ImageManifest, GivesPicturesLabelsBoxesAndMasks) {
  for (const auto& dataset : {manifest("a.csv", kCsv, everything()), manifest("a.jsonl", kJsonLines, everything())}) {
    EXPECT_THAT(dataset.classes(), ElementsAre("ant", "cat"));
    EXPECT_EQ(dataset.describe(1), kData + "/formats/baseline_444.jpg");
    EXPECT_EQ(dataset.mask_path(2), kData + "/manifests/mask.png");
    EXPECT_EQ(dataset.label(2), 1);
    EXPECT_THAT(dataset.boxes(2), ElementsAre(TargetBox{3, 4, 5, 6}));
    const auto batch = test::read_all(dataset);
    EXPECT_EQ(
        to_string(dataset.spec()),
        "image: Byte [3, 71, 93], label: Long [], boxes: Float [2, 4], boxes.count: Long [], mask: Byte [1, 71, 93]");
    EXPECT_TRUE(at::equal(batch.target(), at::tensor({1, 0, 1}, at::kLong)));
    EXPECT_TRUE(at::equal(batch["boxes.count"], at::tensor({2, 0, 1}, at::kLong)));
    const std::vector<float> boxes = {1, 2, 30.5, 40, 0, 0, 5, 5, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 5, 6, 0, 0, 0, 0};
    EXPECT_TRUE(at::equal(batch["boxes"], at::tensor(boxes).view({3, 2, 4})));
    // scripts/make_golden.py painted the mask so.
    const auto mask =
        at::arange(71, at::kLong).mul(3).view({71, 1}).add(at::arange(93, at::kLong).mul(5)).remainder(256);
    for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(batch["mask"][i][0], mask.to(at::kByte)));
    // One picture twice, the second time with alpha, which is dropped.
    EXPECT_TRUE(at::equal(batch.data()[0], batch.data()[2]));
  }
}

TEST(ImageManifest, ReadsPicturesAsImageFolderDoes) {
  const ImageFolder folder(kData + "/photos");
  std::string csv = "label,path\n";
  for (size_t i = 0; i < folder.size(); ++i)
    csv += folder.classes()[static_cast<size_t>(folder.label(i))] + "," + folder.describe(i) + "\n";
  const auto listed = manifest("photos.csv", csv, {});
  EXPECT_EQ(listed.classes(), folder.classes());
  const auto chain = RandomResizedCrop(32) | RandomHorizontalFlip() | Normalize::imagenet();
  EXPECT_EQ(test::hash_of(listed.transform(chain).mode(ImageMode::kGray).mode(ImageMode::kRGB), testing::kInline),
            test::hash_of(folder.transform(chain), testing::kInline));
  EXPECT_EQ(listed.transform(Resize({16, 16})).mode(ImageMode::kGray).spec().fields[0].shape,
            (std::vector<int64_t>{1, 16, 16}));
}

TEST(ImageManifest, IsTheSameInEveryMode) {
  test::expect_the_same_in_every_mode(
      manifest("a.csv", kCsv, everything())
          .transform(RandomResizedCrop(40) | RandomHorizontalFlip() | Normalize({0.5F}, {0.5F})));
}

TEST(ImageManifest, PathsBeginAtTheManifestUnlessToldOrAbsolute) {
  const Directory directory;
  directory.write("lists/train.csv", "path,label\na.png,0\n/b/c.png,1\n");
  const ImageManifest dataset(directory.path() + "/lists/train.csv");
  EXPECT_EQ(dataset.describe(0), directory.path() + "/lists/a.png");
  EXPECT_EQ(dataset.describe(1), "/b/c.png");
  EXPECT_EQ(ImageManifest(directory.path() + "/lists/train.csv", {.root = "/d"}).describe(0), "/d/a.png");
}

TEST(ImageManifest, IntegerLabelsStayWhatTheyAre) {
  const auto csv = manifest("a.csv", "path,label\na,7\nb,-1\n", {});
  EXPECT_TRUE(csv.classes().empty());
  EXPECT_EQ(csv.label(0), 7);
  EXPECT_EQ(csv.label(1), -1);
  EXPECT_EQ(manifest("a.jsonl", R"({"path": "a", "label": 7})", {}).label(0), 7);
  EXPECT_THAT(manifest("a.jsonl", R"({"path": "a", "label": "7"})", {}).classes(), ElementsAre("7"));
}

TEST(ImageManifest, ReadsTheColumnsThatAreNamed) {
  const std::string csv = "file,kind,path\nformats/rgb.png,x,nothing\n";
  const auto dataset = manifest("a.csv", csv, {.root = kData, .image = "file", .label = ""});
  EXPECT_EQ(to_string(dataset.spec()), "image: Byte [3, 71, 93]");
  EXPECT_EQ(test::read_all(dataset).size(), 1);
  EXPECT_EQ(manifest("a.csv", csv, {.image = "file", .label = "kind"}).label(0), 0);
  EXPECT_THAT(error_of([&] { dataset.label(0); }), HasSubstr("labels: index 0 is outside a dataset of 0 samples"));
}

TEST(ImageManifest, MaxBoxesIsTheRoomForThem) {
  auto options = everything();
  options.max_boxes = 5;
  EXPECT_EQ(manifest("a.csv", kCsv, options).spec().fields[2].shape, (std::vector<int64_t>{5, 4}));
  options.max_boxes = -1;
  EXPECT_THAT(error_of([&] { manifest("a.csv", kCsv, options); }), HasSubstr("max_boxes must be 0 or more, got -1"));
  options.max_boxes = 1;
  EXPECT_THAT(
      error_of([&] { manifest("a.csv", kCsv, options); }),
      AllOf(HasSubstr("max_boxes is 1, but picture 0 of"), HasSubstr("has 2 boxes: raise it, or leave it out")));
  const auto none = manifest("a.csv", "path,label,boxes\nformats/rgb.png,0,\n", {.root = kData, .boxes = "boxes"});
  EXPECT_EQ(test::read_all(none)["boxes"].sizes(), (std::vector<int64_t>{1, 0, 4}));
}

TEST(ImageManifest, BoxesMoveWithThePicture) {
  const auto batch =
      test::read_all(manifest("a.csv", kCsv, everything())
                         .transform(RandomHorizontalFlip(1) | Resize({142, 186}) | CenterCrop({142, 170})));
  // From the right, twice as far, and 8 pixels lost at each side.
  const std::vector<float> first = {2 * (93 - 30.5F) - 8, 4, 170, 80, 168, 0, 170, 10};
  EXPECT_TRUE(at::equal(batch["boxes"][0], at::tensor(first).view({2, 4})));
  EXPECT_TRUE(at::equal(batch["boxes.count"], at::tensor({2, 0, 1}, at::kLong)));
  EXPECT_EQ(batch["mask"].sizes(), (std::vector<int64_t>{3, 1, 142, 170}));
}

// Where picture and mask are the same, they stay the same.
TEST(ImageManifest, MasksMoveWithThePicture) {
  std::string csv = "path,mask\n";
  for (int i = 0; i < 20; ++i) csv += "formats/gray.png,formats/gray.png\n";
  const auto dataset = manifest("a.csv", csv, {.root = kData, .label = "", .mask = "mask"})
                           .mode(ImageMode::kGray)
                           .transform(RandomCrop(40) | RandomHorizontalFlip() | RandomVerticalFlip() | Pad(2));
  const auto batch = test::read_all(dataset);
  EXPECT_TRUE(at::equal(batch.data(), batch["mask"]));
  EXPECT_FALSE(at::equal(batch.data()[0], batch.data()[1]));
}

// Masks of 2 x 2 beside a picture of that size, in the numbers of their class.
ImageManifest masked(const Directory& directory, const std::string& numbers, const std::vector<int64_t>& values) {
  directory.write("a.pgm", "P2\n2 2\n255\n1 2 3 4\n");
  directory.write("m.pgm", "P2\n2 2\n" + numbers + "\n");
  directory.write("a.txt", "a.pgm m.pgm\n");
  ImageManifestOptions options{.label = "", .mask = "mask"};
  options.mask_values = values;
  return ImageManifest(directory.path() + "/a.txt", options).mode(ImageMode::kGray);
}

TEST(ImageManifest, GivesClassesForTheNumbersThatMasksHaveForThem) {
  const Directory directory;
  const auto classes = [&](const std::string& numbers, const std::vector<int64_t>& values) {
    const auto batch = test::read_all(masked(directory, numbers, values));
    std::vector<int> found;
    for (int64_t i = 0; i < 4; ++i) found.push_back(batch["mask"].flatten()[i].item<int>());
    return found;
  };
  EXPECT_THAT(classes("255\n0 255 255 0", {}), ElementsAre(0, 255, 255, 0));
  EXPECT_THAT(classes("255\n0 255 255 0", {0, 255}), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(classes("255\n0 255 128 0", {128, 0}), ElementsAre(1, 255, 0, 1)) << "255 is no class unless said";
  EXPECT_THAT(classes("65535\n0 65535 255 300", {0, 300, 65535}), ElementsAre(0, 2, 255, 1));
}

TEST(ImageManifest, NamesTheMaskWhoseNumberIsNoClassAndSaysWhatToWrite) {
  const Directory directory;
  EXPECT_THAT(
      error_of([&] { test::read_all(masked(directory, "255\n0 7 0 254", {0, 7})); }),
      HasSubstr("cannot read mask '" + directory.path() +
                "/m.pgm': the number 254 at row 1, column 1 is no class: the mask holds 0, 7, 254, and the classes are "
                "0, 7; list the numbers of all classes in mask_values, that of class 0 first, or raise 'classes', how "
                "many there are"));
  const auto refusal = [&](const std::vector<int64_t>& values) {
    return error_of([&] { masked(directory, "255\n0 0 0 0", values); });
  };
  EXPECT_THAT(refusal({0, 1, 0}), HasSubstr("0 stands for two classes"));
  EXPECT_THAT(refusal({0, 65536}), HasSubstr("65536 is no number of a picture"));
  EXPECT_THAT(refusal({-1}), HasSubstr("-1 is no number of a picture"));
  EXPECT_THAT(refusal(std::vector<int64_t>(256)), HasSubstr("256 classes, where masks have 255 at most"));
}

/// What becomes of one label in a manifest of this ending.
std::string label_error(const std::string& name, const std::string& text) {
  const std::string error = error_of([&] { manifest(name, text, {}); });
  return error.substr(error.find("/" + name) + 1);
}

TEST(ImageManifest, TextThatOnlyLooksLikeANumberIsNoLabel) {
  for (const char* label : {"+1",
                            " 1",
                            "1 ",
                            "1.0",
                            "1.",
                            ".5",
                            "-1.5",
                            "1e3",
                            "1E+3",
                            "\"1,000\"",
                            "1_000",
                            "007",
                            "-0",
                            "nan",
                            "NaN",
                            "-inf",
                            "Infinity",
                            "0x1F",
                            "'1'",
                            "\"\"\"1\"\"\"",
                            "18446744073709551615",
                            "1e999"})
    EXPECT_THAT(label_error("a.csv", std::string("path,label\na,") + label + "\n"),
                AllOf(StartsWith("a.csv:2:3: label '"), HasSubstr("looks like a number")))
        << label;
  // In the middle as at the beginning.
  EXPECT_THAT(label_error("a.csv", "path,label\na,cat\nb,1.0\n"), StartsWith("a.csv:3:3: label '1.0' looks like"));
  EXPECT_THAT(label_error("a.csv", "path,label\na,5\nb,+1\n"), StartsWith("a.csv:3:3: label '+1' looks like"));
}

TEST(ImageManifest, PlainIntegersAndOtherTextsStayLabels) {
  const auto numbers = manifest("a.csv", "path,label\na,-1\nb,\"0\"\nc,9223372036854775807\n", {});
  EXPECT_THAT(numbers.classes(), ElementsAre());
  EXPECT_EQ(numbers.label(0), -1);
  EXPECT_EQ(numbers.label(2), INT64_MAX);
  const auto texts = manifest("a.csv", "path,label\na,n0144\nb,2024-01-05\nc,1st\nd,1.2.3\ne,info\nf,-\ng,e5\n", {});
  EXPECT_EQ(texts.classes().size(), 7U);
  EXPECT_THAT(manifest("a.jsonl", R"({"path": "a", "label": "007"})", {}).classes(), ElementsAre("007"));
}

TEST(ImageManifest, NumberThatDoesNotFitIsRefusedAndNotWrapped) {
  const auto json = [](const std::string& label) {
    return label_error("a.jsonl", R"({"path": "a", "label": )" + label + "}");
  };
  EXPECT_THAT(json("18446744073709551615"), StartsWith("a.jsonl:1:15: label 18446744073709551615 does not fit"));
  EXPECT_THAT(json("1e999"), StartsWith("a.jsonl:1:"));
  EXPECT_THAT(json("1.0"), HasSubstr("neither an integer nor a text"));
  const auto boxes = [](const std::string& value) {
    return error_of(
        [&] { manifest("a.jsonl", R"({"path": "a", "boxes": )" + value + "}", {.label = "", .boxes = "boxes"}); });
  };
  EXPECT_THAT(boxes("[[0, 0, 1e39, 1e39]]"), HasSubstr("too large for float32"));
  EXPECT_THAT(boxes("[[0, 0, 1e999, 1]]"), HasSubstr("a.jsonl:1:"));
}

TEST(ImageManifest, PathWithANulIsRefused) {
  EXPECT_THAT(label_error("a.jsonl", R"({"path": "a\u0000b", "label": 1})"),
              StartsWith("a.jsonl:1:2: a path with a NUL"));
  EXPECT_THAT(error_of([] { ImageManifest(std::string("/none\0x.csv", 11)); }), HasSubstr("has a NUL in it"));
}

TEST(ImageManifest, OtherSeparatorsLineEndsAndMarksAreRead) {
  for (const char* text : {"path;label\na;cat\nb;dog\n", "path\tlabel\na\tcat\nb\tdog", "path,label\ra,cat\rb,dog\r",
                           "\xEF\xBB\xBFpath|label\r\na|cat\r\nb|dog\r\n"})
    EXPECT_THAT(manifest("a.csv", text, {}).classes(), ElementsAre("cat", "dog")) << text;
  EXPECT_EQ(manifest("a.tsv", "path\tlabel\na\tcat\n", {}).size(), 1U);
  const std::string a = R"({"path": "a", "label": 1})";
  EXPECT_EQ(manifest("a.jsonl", "\xEF\xBB\xBF" + a + "\r" + a + "\r\n" + a, {}).size(), 3U);
}

TEST(ImageManifest, Utf16IsNamed) {
  std::string wide;
  for (const char c : std::string("path,label\na,cat\n")) wide += {c, '\0'};
  for (const char* name : {"a.csv", "a.jsonl"}) {
    EXPECT_THAT(error_of([&] { manifest(name, "\xFF\xFE" + wide, {}); }), HasSubstr("is in UTF-16: save it in UTF-8"));
    EXPECT_THAT(error_of([&] { manifest(name, wide, {}); }), HasSubstr("is in UTF-16 without a byte order mark"));
    EXPECT_THAT(error_of([&] { manifest(name, std::string("path,label\na,\0b\n", 16), {}); }),
                HasSubstr("has a zero byte at 13, so it is no text"));
  }
}

TEST(ImageManifest, FifoIsRefusedByKindWithoutWaiting) {
  const Directory directory;
  const std::string path = directory.path() + "/a.csv";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { ImageManifest{path}; }), "manifest: cannot read '" + path + "': a FIFO, not a regular file");
}

TEST(ImageManifest, HomeFoldersAreExpanded) {
  const Directory directory;
  directory.write("a.csv", "path,label\nx.png,cat\n");
  const test::Environment home("HOME", directory.path());
  EXPECT_EQ(ImageManifest("~/a.csv").describe(0), directory.path() + "/x.png");
  EXPECT_EQ(ImageManifest("~/a.csv", {.root = "~/pictures"}).describe(0), directory.path() + "/pictures/x.png");
}

TEST(ImageManifest, BadRowsAreErrorsWithTheirPlaceAndCure) {
  const auto csv = [](const std::string& text, const ImageManifestOptions& options = {}) {
    const std::string error = error_of([&] { manifest("a.csv", text, options); });
    return error.substr(error.find("/a.csv") + 1);
  };
  const std::string header = "path,label,boxes,mask\n";
  EXPECT_THAT(csv(""), StartsWith("a.csv:1:1: an empty file: its first line names the columns"));
  EXPECT_THAT(csv(header), StartsWith("a.csv' lists no pictures: add rows"));
  EXPECT_EQ(csv("file,label\na,b\n"), "a.csv:1:1: no column 'path' among file, label: image=NAME reads another");
  EXPECT_EQ(csv("path,kind\na,b\n"),
            "a.csv:1:1: no column 'label' among path, kind: label=NAME reads another, label='' none");
  EXPECT_EQ(csv("path,label\na,b\nc,d,e\n"),
            "a.csv:3:1: 3 fields, but the first line names 2: put fields with commas in them in quotes");
  EXPECT_THAT(csv("path,label\na,b\nc,\n"), StartsWith("a.csv:3:3: no label: give one; label=NAME reads another"));
  EXPECT_THAT(csv("path,label\na,b\n,d\n"), StartsWith("a.csv:3:1: no path: name a file, or remove the row"));
  EXPECT_THAT(
      csv("path,label\na,b\n\"c\n\",7\n"),
      StartsWith("a.csv:4:3: label 7 is an integer, those before are texts: make all of them one or the other"));
  EXPECT_THAT(csv("path,label\na,7\nc,b\n"), StartsWith("a.csv:3:3: label 'b' is a text, those before are integers"));
  const auto boxes = [&](const std::string& text) {
    return csv("path,label,boxes\na,b,\"" + text + "\"\n", {.boxes = "boxes"});
  };
  EXPECT_THAT(boxes("1 2 3 4"),
              AllOf(StartsWith("a.csv:2:5: syntax error"), HasSubstr("are a list of [x1, y1, x2, y2]")));
  EXPECT_EQ(boxes("7"), "a.csv:2:5: no list: boxes are a list of [x1, y1, x2, y2], in pixels");
  EXPECT_THAT(boxes("[1, 2, 3, 4]"), StartsWith("a.csv:2:5: box 1 is not four numbers: boxes are"));
  EXPECT_THAT(boxes("[[1, 2, 3]]"), StartsWith("a.csv:2:5: box [1,2,3] is not four numbers"));
  EXPECT_THAT(boxes("[[10, 20, 3, 30]]"), HasSubstr("ends before it begins: boxes are a list of [x1, y1, x2, y2], in "
                                                    "pixels, not [x, y, width, height]"));

  const auto json = [](const std::string& text, const ImageManifestOptions& options = {}) {
    const std::string error = error_of([&] { manifest("a.jsonl", text, options); });
    return error.substr(error.find("/a.jsonl") + 1);
  };
  const std::string good = "{\"path\": \"a\", \"label\": 1}\n\n";
  EXPECT_THAT(json(good + "{\"path\": \"a\" \"label\": 1}"),
              AllOf(StartsWith("a.jsonl:3:20: syntax error"), HasSubstr("write one JSON object a line")));
  EXPECT_THAT(json(good + "[1]"), StartsWith("a.jsonl:3:1: no JSON object: write {\"path\": …} on each line"));
  EXPECT_THAT(
      json(good + "{\"path\": \"a\"}"),
      StartsWith("a.jsonl:3:1: no 'label' in this object: give it one; label=NAME reads another, label='' none"));
  EXPECT_EQ(json(good + "{\"path\": 5, \"label\": 1}"), "a.jsonl:3:2: 5 is no path: write a text");
  EXPECT_THAT(json("{\"path\": \"a\", \"label\": 1.5}"),
              StartsWith("a.jsonl:1:15: label 1.5 is neither an integer nor a text"));
}

TEST(ImageManifest, DeepJsonIsRefusedAndLongTextIsCut) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(error_of([&] { manifest("a.jsonl", "{\"path\": \"a\", \"label\": " + deep + "}", {}); }),
              HasSubstr("a.jsonl:1:87: nested deeper than 64 levels"));
  EXPECT_THAT(error_of([&] { manifest("a.csv", "path,label,boxes\na,1,\"" + deep + "\"\n", {.boxes = "boxes"}); }),
              HasSubstr("a.csv:2:5: nested deeper than 64 levels"));
  const std::string wide = R"({"path": "a", "label": [")" + std::string(1'000'000, 'x') + "\"]}";
  EXPECT_LT(error_of([&] { manifest("a.jsonl", wide, {}); }).size(), 1'000U);
}

TEST(ImageManifest, BadFilesAreErrorsThatNameThemAndTheCure) {
  EXPECT_THAT(error_of([] { manifest("a.xls", kCsv, {}); }),
              HasSubstr("a.xls' ends neither in .csv or .tsv nor in .jsonl, .ndjson or .json, nor in .txt: rename"));
  EXPECT_THAT(error_of([] { ImageManifest("/none/a.csv"); }),
              HasSubstr("manifest: cannot read '/none/a.csv': No such file or directory"));
  EXPECT_THAT(error_of([] { manifest("a.csv", kCsv, {.image = ""}); }), HasSubstr("the pictures needs a name"));
  const auto masked = [](const std::string& mask) {
    const auto dataset =
        manifest("a.csv", "path,mask\nformats/rgb.png," + mask + "\n", {.root = kData, .label = "", .mask = "mask"});
    return error_of([&] { test::read_all(dataset); });
  };
  EXPECT_THAT(masked("formats/rgb.png"),
              AllOf(HasSubstr("cannot read mask '" + kData + "/formats/rgb.png': a PNG with colours or alpha"),
                    HasSubstr("save it with one channel of 8 bits")));
  EXPECT_THAT(masked("formats/masks/gray8.png"),
              HasSubstr("formats/rgb.png': the masks are 8x8 (height x width), the picture they belong to is 71x93"));
  EXPECT_THAT(masked("none.png"), HasSubstr("No such file"));
}

TEST(ImageManifest, AListWithoutAHeaderHasPathsAndLabels) {
  const auto list = manifest("a.txt", "a b/c.png cat\n  d.png\tdog  \r\n\ne f.png\tbig cat\n", {.root = "/"});
  EXPECT_THAT(list.classes(), ElementsAre("big cat", "cat", "dog"));
  EXPECT_EQ(list.describe(0), "/a b/c.png");
  EXPECT_EQ(list.describe(1), "/d.png");
  EXPECT_EQ(list.describe(2), "/e f.png");
  EXPECT_EQ(list.label(2), 0);
  EXPECT_EQ(manifest("a.txt", "a.png 7\nb.png -1\n", {}).label(1), -1);
  const auto unlabelled = manifest("a.txt", " a b.png\nc.png", {.root = "/", .label = ""});
  EXPECT_EQ(unlabelled.describe(0), "/a b.png");
  EXPECT_EQ(unlabelled.describe(1), "/c.png");
}

TEST(ImageManifest, AListWithoutAHeaderMayHaveMasks) {
  const auto masked =
      manifest("a.txt", "formats/rgb.png manifests/mask.png\n", {.root = kData, .label = "", .mask = "mask"});
  EXPECT_EQ(to_string(masked.spec()), "image: Byte [3, 71, 93], mask: Byte [1, 71, 93]");
  EXPECT_EQ(masked.mask_path(0), kData + "/manifests/mask.png");
  EXPECT_THAT(error_of([] { manifest("a.txt", "a b\n", {.mask = "mask"}); }),
              HasSubstr("a.txt' is a list without a header, of paths with labels or with masks: for more columns"));
  const auto error = [](const std::string& text) {
    const std::string what = error_of([&] { manifest("a.txt", text, {}); });
    return what.substr(what.find("/a.txt") + 1);
  };
  EXPECT_EQ(error("a.png 1\nb.png\n"),
            "a.txt:2:1: one value in this line: write path and label, with a space or a tab between them");
  EXPECT_THAT(error("a.png 1\nb.png 1.0\n"), StartsWith("a.txt:2:1: label '1.0' looks like a number"));
  EXPECT_THAT(error("\n \n"), StartsWith("a.txt' lists no pictures: add rows"));
}

TEST(ImageManifest, LabelsMayBeNumbersForRegression) {
  const ImageManifestOptions options = {.root = kData, .label_type = LabelType::kNumber};
  const std::string csv = "path,label\nformats/rgb.png,1.5\nformats/rgb.png,-2e3\nformats/rgb.png,7\n";
  const std::string json =
      "{\"path\": \"formats/rgb.png\", \"label\": 1.5}\n{\"path\": \"formats/rgb.png\", \"label\": -2000}\n"
      "{\"path\": \"formats/rgb.png\", \"label\": 7}\n";
  const std::string list = "formats/rgb.png 1.5\nformats/rgb.png -2e3\nformats/rgb.png 7\n";
  for (const auto& dataset : {manifest("a.csv", csv, options), manifest("a.jsonl", json, options),
                              test::travelled(manifest("a.txt", list, options))}) {
    EXPECT_EQ(to_string(dataset.spec()), "image: Byte [3, 71, 93], label: Float []");
    EXPECT_EQ(dataset.number(1), -2000.F);
    EXPECT_TRUE(at::equal(test::read_all(dataset).target(), at::tensor({1.5F, -2000.F, 7.F})));
    EXPECT_THAT(error_of([&] { dataset.label(0); }), HasSubstr("its labels are numbers"));
  }
  const auto error = [&](const std::string& label) {
    const std::string what = error_of([&] { manifest("a.csv", "path,label\na," + label + "\n", options); });
    return what.substr(what.find("/a.csv") + 1);
  };
  for (const std::string text : {"cat", "", "1,5", "+1", " 1", "nan", "inf", "1e99", "0x10"})
    EXPECT_THAT(error("\"" + text + "\""),
                StartsWith("a.csv:2:3: label '" + text +
                           "' is no number of float32, which label_type 'number' wants: write one, such as 0.5"));
  EXPECT_THAT(error_of([&] { manifest("a.jsonl", R"({"path": "a", "label": "1"})", options); }),
              HasSubstr("label \"1\" is no number"));
  EXPECT_THAT(error_of([&] { manifest("a.csv", "path,label\na,1\n", {}).number(0); }),
              HasSubstr("its labels are classes"));
}

/// The masks that ImageManifest reads from a file.
at::Tensor mask_of(const std::string& file) {
  const auto dataset =
      manifest("a.csv", "path,mask\nmanifests/mask.png," + file + "\n", {.root = kData, .label = "", .mask = "mask"});
  return test::read_all(dataset)["mask"].clone();
}

TEST(ImageManifest, MaskWithAPaletteGivesItsIndices) {
  EXPECT_EQ(mask_of("manifests/palette.png").max().item<int64_t>(), 3);
}

TEST(ImageManifest, MaskOf16BitsGivesItsNumbers) {
  EXPECT_TRUE(at::equal(mask_of("manifests/deep.png"), mask_of("manifests/mask.png")));
}

// --- Memory ---

/// Has every worker look at the whole manifest.
struct Looks {
  ImageManifest manifest;

  size_t size() const { return 64; }
  std::pair<int64_t, int64_t> get(size_t /*i*/, SampleContext& context) const {
    int64_t seen = 0;
    for (size_t k = 0; k < manifest.size(); ++k)
      seen += static_cast<int64_t>(manifest.describe(k).size()) + manifest.label(k);
    return {seen, context.worker()};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(manifest);
  }
};

// Of a process: its memory that is no file's, what it shares with n others counted as a part of n. Code is left out,
// because its share depends on what else runs on the machine.
int64_t proportional_bytes(pid_t pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  int64_t sum = 0;
  for (std::string word; rollup >> word;) {
    int64_t kilobytes = 0;
    if ((word == "Pss_Anon:" || word == "Pss_Shmem:") && rollup >> kilobytes) sum += kilobytes * 1024;
  }
  if (sum == 0) throw std::runtime_error("no Pss_Anon and Pss_Shmem of process " + std::to_string(pid));
  return sum;
}

// Of this process and four workers that have all looked at the manifest.
int64_t bytes_with_four_workers(const std::string& csv) {
  constexpr size_t kWorkers = 4;
  auto loader = make_data_loader(Looks{ImageManifest(csv)}, DataLoaderOptions(4).num_workers(kWorkers));
  std::set<int64_t> workers;
  while (workers.size() < kWorkers) {
    const auto batch = loader->next();
    for (int64_t row = 0; batch && row < batch->size(); ++row) workers.insert(batch->target()[row].item<int64_t>());
  }
  int64_t bytes = proportional_bytes(::getpid());
  for (const pid_t pid : loader->worker_pids()) bytes += proportional_bytes(pid);
  return bytes;
}

// MILLRACE_MANIFEST_ROWS=1281167 is ImageNet's number.
TEST(ImageManifest, ExistsOnceForTrainerAndWorkers) {
  const char* given = std::getenv("MILLRACE_MANIFEST_ROWS");
  const size_t rows = given != nullptr ? std::stoul(given) : 200'000;
  const Directory directory;
  directory.write("one.csv", "path,label\na,b\n");
  std::ofstream csv(directory.path() + "/many.csv");
  csv << "path,label\n";
  int64_t table = 0;
  for (size_t i = 0; i < rows; ++i) {
    const std::string name = "n" + std::to_string(10'000'000 + i % 1000);
    const std::string path = "train/" + name + "/" + name + "_" + std::to_string(i) + ".JPEG";
    csv << path << ',' << name << '\n';
    table += static_cast<int64_t>(path.size() + sizeof(uint64_t) + sizeof(int64_t));
  }
  csv.close();
  const int64_t before = bytes_with_four_workers(directory.path() + "/one.csv");
  const int64_t more = bytes_with_four_workers(directory.path() + "/many.csv") - before;
  std::cout << rows << " rows, " << table / 1'000'000.0 << " MB as a table: trainer and 4 workers grow by "
            << more / 1'000'000.0 << " MB from " << before / 1'000'000.0 << " MB (sums of PSS, code left out)\n";
  EXPECT_GT(more, table / 2);          // Else nothing was measured.
  EXPECT_LT(more, table + table / 2);  // One copy; a copy each would be five times.
}

}  // namespace
}  // namespace millrace
