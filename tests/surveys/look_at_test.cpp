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
  EXPECT_THAT(refusal_of(at("l")), HasSubstr("masks are read from a list"));
  write("l/train.txt", "images/1.png masks/1.png\n");
  const Survey found = look("l");
  EXPECT_EQ(found.task, Task::kSegmentation);
  EXPECT_GE(found.classes, 2);
  EXPECT_THAT(yaml_of(found.dataset), testing::Contains("mask: mask"));
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
  EXPECT_THAT(refusal_of(test::data("shards/odd_gnu.tar")), HasSubstr("training would need a picture"));
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
  EXPECT_THAT(yaml_of(found.dataset),
              ElementsAre("type: npy", "paths: [" + at("n/train_x.npy") + ", " + at("n/train_y.npy") + "]"));
  EXPECT_THAT(yaml_of(found.test),
              ElementsAre("type: npy", "paths: [" + at("n/test_x.npy") + ", " + at("n/test_y.npy") + "]"));
  EXPECT_EQ(found.classes, 3);
  EXPECT_EQ(found.samples, 4);
  write("v/x.npy", npy("<f4", "4, 10", 160));
  write("v/y.npy", npy("|u1", "4,", 4));
  EXPECT_THAT(refusal_of(at("v")), HasSubstr("pictures have to be [samples, channels, height, width]"));
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
  EXPECT_EQ(test_name_of("train.csv", {"train.csv"}), std::nullopt);
}

}  // namespace
}  // namespace millrace::look_at_test
