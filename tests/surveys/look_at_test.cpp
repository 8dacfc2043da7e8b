#include "millrace/surveys/look_at.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/surveys/picture_headers.h"
#include "millrace/surveys/place.h"
#include "millrace/surveys/shard_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::look_at_test {
namespace {

namespace fs = std::filesystem;
using namespace surveys;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Looked kNobody = [](int64_t, int64_t) {};

std::vector<std::string> yaml_of(const std::vector<Line>& lines) {
  std::vector<std::string> yaml;
  for (const auto& line : lines) yaml.push_back(line.yaml);
  return yaml;
}

std::string all_seen(const Survey& found) {
  std::string text;
  for (const auto& sentence : found.seen) text += sentence + "\n";
  return text;
}

// What keeps a survey from finding anything.
std::string refusal_of(const std::string& path) {
  try {
    look_at(path, kNobody);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

// A directory of one test, with what is to be looked at in it.
class Surveyed : public testing::Test {
 protected:
  void photos(const std::string& folder, int count) {
    int copied = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(test::data("photos")) / "hat")) {
      if (copied++ == count) return;
      fs::create_directories(fs::path(at(folder)));
      fs::copy(entry.path(), fs::path(at(folder)) / (std::to_string(copied) + ".jpg"));
    }
  }

  std::string at(const std::string& name) const { return folder_.path() + "/" + name; }
  void write(const std::string& name, const std::string& content) const { folder_.write(name, content); }
  void copy(const std::string& data, const std::string& name) const { folder_.copy(data, name); }
  Survey look(const std::string& name) const { return look_at(at(name), kNobody); }

 private:
  test::Directory folder_;
};

TEST_F(Surveyed, FindsClassFoldersAndTheirTestPart) {
  photos("p/train/hat", 3);
  photos("p/train/shoe", 2);
  photos("p/val/hat", 1);
  photos("p/val/shoe", 1);
  const Survey found = look("p/");
  EXPECT_THAT(yaml_of(found.dataset),
              ElementsAre("type: image_folder", "root: " + at("p/train"), "# classes: [hat, …]"));
  EXPECT_THAT(yaml_of(found.test), ElementsAre("type: image_folder", "root: " + at("p/val")));
  EXPECT_EQ(found.samples, 5);
  EXPECT_EQ(found.task, Task::kClassification);
  EXPECT_FALSE(found.classes) << "the dataset says it";
  EXPECT_THAT(all_seen(found), AllOf(HasSubstr("5 pictures in 2 classes, from 2 of 'shoe' to 3 of 'hat'"),
                                     HasSubstr("2 pictures in 2 classes"), HasSubstr("pixels")));
  EXPECT_FALSE(found.has_broken);
}

TEST_F(Surveyed, CountsPicturesWhoseHeaderIsBroken) {
  photos("p/hat", 3);
  photos("p/shoe", 3);
  write("p/shoe/9.jpg", "no picture");
  const Survey found = look("p");
  EXPECT_TRUE(found.has_broken);
  EXPECT_THAT(found.test, IsEmpty());
  EXPECT_THAT(all_seen(found), HasSubstr("1 cannot be read, the first '" + at("p/shoe/9.jpg") + "': not an image"));
}

TEST_F(Surveyed, TakesNoReadmeForAList) {
  photos("p/hat", 1);
  photos("p/shoe", 1);
  write("p/README.txt", "About these photos\n");
  EXPECT_EQ(yaml_of(look("p").dataset).front(), "type: image_folder");
}

TEST_F(Surveyed, TellsHowFarItIs) {
  photos("p/hat", 3);
  photos("p/shoe", 2);
  std::vector<int64_t> done;
  look_at(at("p"), [&](int64_t looked, int64_t total) {
    EXPECT_EQ(total, 5);
    done.push_back(looked);
  });
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(Surveyed, RefusesClassesThatOnePartLacks) {
  photos("p/train/hat", 1);
  photos("p/train/shoe", 1);
  photos("p/test/hat", 1);
  EXPECT_THAT(refusal_of(at("p")), HasSubstr("has the class 'shoe', which '" + at("p/test") + "' has not"));
  EXPECT_THAT(refusal_of(at("p/test")), HasSubstr("takes two of them"));
}

TEST_F(Surveyed, FindsListsByTheirColumns) {
  photos("l/photos", 3);
  write("l/train.csv", "id,file,kind\n7,1.jpg,hat\n8,2.jpg,shoe\n");
  write("l/test.csv", "id,file,kind\n9,3.jpg,hat\n");
  write("l/README.txt", "About these photos\n");
  const Survey found = look("l");
  EXPECT_THAT(yaml_of(found.dataset), ElementsAre("type: image_manifest", "path: " + at("l/train.csv"),
                                                  "root: " + at("l/photos"), "image: file", "label: kind"));
  write("l/train.csv", "id,file,label\n7,1.jpg,hat\n8,2.jpg,shoe\n");
  EXPECT_THAT(yaml_of(look("l").dataset), testing::Contains("label: label"));
  EXPECT_THAT(yaml_of(look("l").test), testing::Contains("path: " + at("l/test.csv")));
  EXPECT_THAT(all_seen(look("l")), HasSubstr("2 pictures in 2 classes"));
  EXPECT_THAT(yaml_of(look("l/train.csv").dataset), testing::Contains("root: " + at("l/photos")));
}

TEST_F(Surveyed, FindsNumbersToLearn) {
  photos("l", 2);
  write("l/ages.jsonl", "{\"path\": \"1.jpg\", \"label\": 1.5}\n{\"path\": \"2.jpg\", \"label\": 3}\n");
  const Survey found = look("l");
  EXPECT_EQ(found.task, Task::kRegression);
  EXPECT_THAT(yaml_of(found.dataset), testing::Contains("label_type: number"));
}

TEST_F(Surveyed, FindsLabelsOfAListWithoutAHeader) {
  photos("l", 2);
  write("l/list.txt", "1.jpg 4\n2.jpg 0\n");
  const Survey found = look("l");
  EXPECT_EQ(found.classes, 5);
  EXPECT_THAT(yaml_of(found.dataset), ElementsAre("type: image_manifest", "path: " + at("l/list.txt")));
}

TEST_F(Surveyed, FindsMasksOfAList) {
  copy("formats/rgb.png", "l/images/1.png");
  copy("manifests/mask.png", "l/masks/1.png");
  write("l/train.txt", "images/1.png masks/1.png\n");
  const Survey found = look("l");
  EXPECT_EQ(found.task, Task::kSegmentation);
  EXPECT_GE(found.classes, 2);
  EXPECT_THAT(yaml_of(found.dataset), testing::Contains("mask: mask"));
}

TEST_F(Surveyed, WritesDownWhichNumbersOfMasksAreClasses) {
  write("l/a.pgm", "P2\n2 1\n255\n7 9\n");
  write("l/a_mask.pgm", "P2\n2 1\n255\n0 255\n");
  write("l/train.csv", "image,mask\na.pgm,a_mask.pgm\n");
  write("l/test.csv", "image,mask\na.pgm,a_mask.pgm\n");
  const Survey found = look("l");
  EXPECT_EQ(found.classes, 2);
  EXPECT_THAT(yaml_of(found.dataset), testing::Contains("mask_values: [0, 255]"));
  EXPECT_THAT(yaml_of(found.test), testing::Contains("mask_values: [0, 255]"));
  write("l/a_mask.pgm", "P2\n2 1\n255\n7 7\n");
  EXPECT_THAT(refusal_of(at("l")), HasSubstr("hold the number 7 alone"));
}

// A gray picture of two pixels, or a mask.
std::string two_pixels(const std::string& values) { return "P2\n2 1\n255\n" + values + "\n"; }

TEST_F(Surveyed, FindsMasksInAFolderBesideThePictures) {
  for (const char* masks : {"masks", "labels", "annotations", "SegmentationClass"}) {
    const std::string folder = std::string("m-") + masks;
    write(folder + "/Images/a.pgm", two_pixels("7 9"));
    write(folder + "/" + masks + "/a.pgm", two_pixels("0 255"));
    const Survey found = look(folder);
    EXPECT_EQ(found.task, Task::kSegmentation);
    EXPECT_EQ(found.classes, 2);
    EXPECT_THAT(yaml_of(found.dataset), ElementsAre("type: image_masks", "images: " + at(folder + "/Images"),
                                                    "masks: " + at(folder + "/" + masks), "mask_values: [0, 255]"));
  }
  write("boxes/images/a.pgm", two_pixels("7 9"));
  write("boxes/labels/a.txt", "0 0.5 0.5 0.1 0.1\n");
  EXPECT_THAT(refusal_of(at("boxes")), HasSubstr("boxes, perhaps, for which `train` has no model"));
}

TEST_F(Surveyed, FindsThePartsOfTwoFoldersWhereverTheyAreNamed) {
  const auto parts = [&](const std::string& root, const std::string& train, const std::string& masks,
                         const std::string& test, const std::string& test_masks) {
    for (const auto& folder : {train, test}) write(root + "/" + folder + "/a.pgm", two_pixels("7 9"));
    for (const auto& folder : {masks, test_masks}) write(root + "/" + folder + "/a.pgm", two_pixels("0 1"));
    const Survey found = look(root);
    EXPECT_THAT(yaml_of(found.dataset),
                testing::IsSupersetOf({"images: " + at(root + "/" + train), "masks: " + at(root + "/" + masks)}));
    EXPECT_THAT(yaml_of(found.test),
                testing::IsSupersetOf({"images: " + at(root + "/" + test), "masks: " + at(root + "/" + test_masks)}));
  };
  parts("inside", "Train/images", "Train/masks", "Valid/images", "Valid/masks");
  parts("outside", "images/train", "masks/train", "images/dev", "masks/dev");
  parts("words", "train_images", "train_masks", "val_images", "val_masks");
}

TEST_F(Surveyed, FindsPairsCalledTrainAAndTrainB) {
  for (const char* folder : {"trainA", "trainB", "testA", "testB"}) photos(std::string("p/") + folder, 2);
  const Survey found = look("p");
  EXPECT_EQ(found.task, Task::kImageToImage);
  EXPECT_THAT(yaml_of(found.dataset),
              ElementsAre("type: image_pairs", "data: " + at("p/trainA"), "target: " + at("p/trainB")));
  EXPECT_THAT(yaml_of(found.test),
              ElementsAre("type: image_pairs", "data: " + at("p/testA"), "target: " + at("p/testB")));
}

TEST_F(Surveyed, FindsPartsInAnyCaseAndByTheirSynonyms) {
  for (const auto& [train, test] : {std::pair("Train", "Valid"), {"TRAIN", "DEV"}, {"Training", "validation"}}) {
    const std::string folder = std::string("c-") + test;
    for (const char* part : {train, test})
      for (const char* kind : {"hat", "shoe"}) photos(folder + "/" + part + "/" + kind, 1);
    const Survey found = look(folder);
    EXPECT_THAT(yaml_of(found.dataset), testing::Contains("root: " + at(folder + "/" + train)));
    EXPECT_THAT(yaml_of(found.test), testing::Contains("root: " + at(folder + "/" + test)));
  }
}

TEST_F(Surveyed, TellsOfMasksThatHaveAnotherSizeThanTheirPictures) {
  for (const char* name : {"a", "b"}) {
    write(std::string("m/images/") + name + ".pgm", two_pixels("7 9"));
    write(std::string("m/masks/") + name + ".pgm", two_pixels("0 1"));
  }
  write("m/masks/b.pgm", "P2\n1 1\n255\n1\n");
  const Survey found = look("m");
  EXPECT_TRUE(found.has_broken);
  EXPECT_THAT(all_seen(found), HasSubstr("1 of 2 masks that were looked at have another size than their pictures, the "
                                         "first '" +
                                         at("m/masks/b.pgm") + "' with 1 x 1 pixels beside 2 x 1"));
  write("m/masks/a.pgm", "P2\n1 1\n255\n0\n");
  EXPECT_THAT(refusal_of(at("m")), HasSubstr("save masks as large as the pictures"));
}

TEST_F(Surveyed, SaysThatBoxesBesideLabelsAreLeftOut) {
  photos("l", 2);
  write("l/train.csv", "path,label,boxes\n1.jpg,hat,[]\n2.jpg,shoe,\"[[0, 0, 2, 2]]\"\n");
  const Survey found = look("l");
  EXPECT_THAT(yaml_of(found.dataset), testing::Contains("label: label"));
  EXPECT_THAT(all_seen(found), HasSubstr("has boxes too, which are left out"));
  write("l/train.csv", "path,boxes\n1.jpg,[]\n2.jpg,\"[[0, 0, 2, 2]]\"\n");
  EXPECT_THAT(refusal_of(at("l")), HasSubstr("pictures with boxes: `train` has no model for them"));
}

TEST_F(Surveyed, FindsPairsInFoldersAndInLists) {
  photos("a/input", 2);
  photos("a/target", 2);
  const Survey folders = look("a");
  EXPECT_EQ(folders.task, Task::kImageToImage);
  EXPECT_EQ(folders.samples, 2);
  EXPECT_THAT(yaml_of(folders.dataset),
              ElementsAre("type: image_pairs", "data: " + at("a/input"), "target: " + at("a/target")));
  write("a/train.csv", "before,after\ninput/1.jpg,target/1.jpg\n");
  EXPECT_THAT(yaml_of(look("a").dataset),
              ElementsAre("type: image_pairs_manifest", "path: " + at("a/train.csv"), "data: before", "target: after"));
}

TEST_F(Surveyed, FindsShardsAndTheirLabels) {
  copy("shards/pictures-000000.tar", "s/pictures-000000.tar");
  copy("shards/pictures-000001.tar", "s/pictures-000001.tar");
  const Survey found = look("s");
  EXPECT_THAT(yaml_of(found.dataset),
              ElementsAre("type: tar_images", "shards: \"" + at("s/pictures-{000000..000001}.tar") + "\""));
  EXPECT_GE(found.classes, 2);
  std::string names;
  for (int64_t i = 0; i < *found.classes; ++i) names += "class " + std::to_string(i) + "\n";
  write("s/classes.txt", names);
  const Survey named = look("s");
  EXPECT_FALSE(named.classes) << "the dataset says it";
  EXPECT_THAT(all_seen(named), HasSubstr("classes, whose names 'classes.txt' beside them has"));
  write("s/classes.txt", "one\n");
  EXPECT_THAT(refusal_of(at("s")), HasSubstr("'classes.txt' beside them names 1 class: add the others"));
  copy("shards/odd_gnu.tar", "odd.tar");
  EXPECT_THAT(refusal_of(at("odd.tar")), HasSubstr("training would need a picture"));
}

// A .npy file of bytes, as NumPy writes them.
std::string npy(const std::string& descr, const std::string& shape, size_t bytes) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize(117, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n" + std::string(bytes, '\x02');
}

TEST_F(Surveyed, FindsArraysAndTheirTestPart) {
  write("n/train_x.npy", npy("|u1", "4, 3, 8, 8", 4 * 3 * 64));
  write("n/train_y.npy", npy("|u1", "4,", 4));
  write("n/test_x.npy", npy("|u1", "2, 3, 8, 8", 2 * 3 * 64));
  write("n/test_y.npy", npy("|u1", "2,", 2));
  const Survey found = look("n");
  EXPECT_THAT(
      yaml_of(found.dataset),
      ElementsAre("type: npy", "paths: [" + at("n/train_x.npy") + ", " + at("n/train_y.npy") + "]", "names: [x, y]"));
  EXPECT_THAT(
      yaml_of(found.test),
      ElementsAre("type: npy", "paths: [" + at("n/test_x.npy") + ", " + at("n/test_y.npy") + "]", "names: [x, y]"));
  EXPECT_EQ(found.classes, 3);
  EXPECT_EQ(found.samples, 4);
  EXPECT_EQ(found.features, 0) << "pictures";
  EXPECT_EQ(yaml_of(look("n/train_x.npy").dataset), yaml_of(found.dataset));
}

TEST_F(Surveyed, FindsVectorsAndWhatIsLearnedOfThem) {
  write("v/x.npy", npy("<f4", "4, 10", 160));
  write("v/y.npy", npy("|u1", "4,", 4));
  const Survey classes = look("v");
  EXPECT_EQ(classes.features, 10);
  EXPECT_EQ(classes.classes, 3);
  write("v/y.npy", npy("<f4", "4,", 16));
  EXPECT_EQ(look("v").task, Task::kRegression);
  // As many dimensions: the name tells, or else the number of numbers.
  write("t/a_labels.npy", npy("<f4", "4, 12", 192));
  write("t/b.npy", npy("<f4", "4, 10", 160));
  EXPECT_THAT(yaml_of(look("t").dataset),
              testing::Contains("paths: [" + at("t/b.npy") + ", " + at("t/a_labels.npy") + "]"));
  write("w/a.npy", npy("<f4", "4, 2", 32));
  write("w/b.npy", npy("<f4", "4, 10", 160));
  EXPECT_EQ(look("w").features, 10);
}

TEST_F(Surveyed, TakesNegativeNumbersForNumbersAndNotForClasses) {
  write("v/x.npy", npy("<f4", "2, 3", 24));
  std::string negative = npy("<i2", "2,", 4);
  negative.back() = '\xff';
  write("v/y.npy", negative);
  EXPECT_EQ(look("v").task, Task::kRegression);
  EXPECT_FALSE(look("v").classes);
}

TEST_F(Surveyed, FindsArraysOfAnNpzFile) {
  copy("npy/vectors.npz", "one/a.npz");
  for (const char* name : {"one", "one/a.npz"}) {
    const Survey found = look(name);
    EXPECT_EQ(found.features, 3);
    EXPECT_EQ(found.classes, 3);
    EXPECT_THAT(yaml_of(found.dataset), ElementsAre("type: npz", "path: " + at("one/a.npz"), "names: [x, \"y\"]"));
    EXPECT_THAT(found.test, IsEmpty());
  }
  copy("npy/vectors.npz", "two/train.npz");
  copy("npy/vectors.npz", "two/test.npz");
  EXPECT_THAT(yaml_of(look("two").test), ElementsAre("type: npz", "path: " + at("two/test.npz"), "names: [x, \"y\"]"));
  copy("npy/parts.npz", "both/a.npz");
  const Survey both = look("both");
  const auto array = [&](const std::string& name) {
    return "  - {type: npz, path: " + at("both/a.npz") + ", names: [" + name + "]}";
  };
  EXPECT_EQ(both.samples, 4);
  EXPECT_THAT(yaml_of(both.dataset),
              ElementsAre("type: stack", "names: [x, y]", "datasets:", array("x_train"), array("y_train")));
  EXPECT_THAT(yaml_of(both.test),
              ElementsAre("type: stack", "names: [x, y]", "datasets:", array("x_test"), array("y_test")));
  copy("npy/archive.npz", "few/a.npz");
  EXPECT_THAT(refusal_of(at("few")), HasSubstr("what is learned is missing"));
}

TEST_F(Surveyed, SaysWhatArraysLack) {
  write("one/x.npy", npy("<f4", "4, 10", 160));
  EXPECT_THAT(refusal_of(at("one")), HasSubstr("x.npy': Float [4, 10]: what is learned is missing"));
  EXPECT_THAT(refusal_of(at("one/x.npy")), HasSubstr("what is learned is missing"));
  write("flat/x.npy", npy("<f4", "4, 2, 5", 160));
  write("flat/y.npy", npy("|u1", "4,", 4));
  EXPECT_THAT(refusal_of(at("flat")), HasSubstr("vectors, [samples, numbers], or pictures"));
  write("rows/x.npy", npy("<f4", "4, 10", 160));
  write("rows/y.npy", npy("|u1", "3,", 3));
  EXPECT_THAT(refusal_of(at("rows")), HasSubstr("both need as many rows"));
}

TEST_F(Surveyed, FindsPublishedFiles) {
  const auto number = [](int value) { return std::string("\0\0\0", 3) + static_cast<char>(value); };
  for (const char* part : {"train", "t10k"}) {
    write(std::string("m/") + part + "-images-idx3-ubyte",
          std::string("\0\0\x08\x03", 4) + number(2) + number(28) + number(28) + std::string(2 * 28 * 28, 'x'));
    write(std::string("m/") + part + "-labels-idx1-ubyte", std::string("\0\0\x08\x01", 4) + number(2) + "\x01\x04");
  }
  const Survey mnist = look("m");
  EXPECT_THAT(yaml_of(mnist.dataset), ElementsAre("type: mnist", "root: " + at("m"), "split: train"));
  EXPECT_THAT(yaml_of(mnist.test), ElementsAre("type: mnist", "root: " + at("m"), "split: test"));
  write("c/batches.meta.txt", "cat\ndog\n");
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"})
    write(std::string("c/") + name + ".bin", "\x01" + std::string(3072, 'x'));
  EXPECT_THAT(all_seen(look("c")), HasSubstr("CIFAR-10, 5 pictures to train with and 1 to test with, in 2 classes"));
}

TEST_F(Surveyed, SaysWhatPicturesWithoutLabelsWouldNeed) {
  photos("p", 2);
  EXPECT_THAT(refusal_of(at("p")),
              AllOf(HasSubstr("2 pictures"), HasSubstr("train.csv with the columns path and label")));
  write("e/x.bin", "?");
  EXPECT_THAT(refusal_of(at("e")),
              AllOf(HasSubstr("0 folders and 1 file, the first 'x.bin'"), HasSubstr("tar shards")));
  EXPECT_THAT(refusal_of(at("missing")), HasSubstr("no such file or folder"));
  EXPECT_THAT(refusal_of(at("e/x.bin")), HasSubstr("not known"));
  write("l/train.csv", "a,b\nx.jpg,1\n");
  EXPECT_THAT(refusal_of(at("l")), HasSubstr("the columns 'a', 'b', but none is the path of a picture that is there"));
}

TEST(Shards, AreWrittenWithBracesWhereTheyAreNumbered) {
  EXPECT_EQ(shards_pattern({"a/t-08.tar", "a/t-09.tar", "a/t-10.tar"}), "a/t-{08..10}.tar");
  EXPECT_EQ(shards_pattern({"t1.tar", "t3.tar"}), "t1.tar::t3.tar");
  EXPECT_EQ(shards_pattern({"t1.tar"}), "t1.tar");
}

TEST(YamlText, StandsInQuotesWhereItNeedsThem) {
  EXPECT_EQ(yaml_text("photos/train-2"), "photos/train-2");
  for (const char* text : {"1", "yes", "my photos", "a: b", "#1", "-a", "1e5", ".5"})
    EXPECT_EQ(yaml_text(text), "\"" + std::string(text) + "\"");
  EXPECT_EQ(yaml_text("a \"b\" \\"), "\"a \\\"b\\\" \\\\\"");
  EXPECT_THROW(yaml_text("${HOME}"), std::runtime_error);
}

TEST(Places, HaveATestPartByItsName) {
  EXPECT_EQ(test_name_of("train.csv", {"train.csv", "val.csv"}), "val.csv");
  EXPECT_EQ(test_name_of("x_train.npy", {"x_test.npy"}), "x_test.npy");
  EXPECT_EQ(test_name_of("Train.csv", {"Train.csv", "Dev.csv"}), "Dev.csv");
  EXPECT_EQ(test_name_of("train.csv", {"train.csv"}), std::nullopt);
}

}  // namespace
}  // namespace millrace::look_at_test
