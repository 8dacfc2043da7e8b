// Names that a terminal would obey, wherever a dataset meets names.
#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "millrace/loader/columns.h"
#include "millrace/loader/datasets/arrays.h"
#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/loader/images/datasets/cifar.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/datasets/image_pairs.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/loader/images/datasets/mnist.h"
#include "millrace/loader/images/datasets/tar_images.h"
#include "millrace/loader/sample.h"
#include "millrace/loader/state.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::messages_test {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using ::testing::Not;

// Clears the screen, goes back to the line's beginning and writes a line of its own.
const std::string kName = "cat\x1b[2J\r\nmillrace: all is well";

// "1" as a file of a tar with one sample, whose key is the name.
std::string tar_with_the_name(const test::Directory& directory) {
  const std::string path = directory.path() + "/name-%d.tar";
  TarShardWriter writer(path, {});
  writer.write(kName, std::vector<TarShardWriter::File>{{"cls", std::as_bytes(std::span("x", 1))}});
  writer.close();
  return writer.shards().at(0);
}

TEST(Messages, NamesMeanNothingToATerminal) {
  const test::Directory directory;
  const std::string there = directory.path() + "/" + kName;
  directory.write("folder/" + kName + "/notes.txt", "no picture");
  directory.write("pictures/a/" + kName + ".png", "no picture");
  directory.write("others/b.png", "no picture");
  directory.write("a.csv", "path,\"" + kName + "\"\na.png,1\n");
  directory.write("b.csv", "path,label\na.png,1\nb.png,\"" + kName + "\"\n");
  const TarShards tar(tar_with_the_name(directory));
  const std::vector<std::pair<const char*, std::function<void()>>> cases = {
      {"a folder", [&] { ImageFolder{there}; }},
      {"a class", [&] { ImageFolder(directory.path() + "/folder"); }},
      {"a picture", [&] { static_cast<void>(ImageFolder(directory.path() + "/pictures").spec()); }},
      {"a tar file", [&] { TarShards{there + ".tar"}; }},
      {"braces", [&] { TarShards{there + "{.tar"}; }},
      {"a key", [&] { TarShards(tar).bytes(0, "jpg"); }},
      {"an extension", [&] { TarShards(tar).bytes(0, kName); }},
      {"a sample of a tar", [&] { static_cast<void>(tar.image("cls", {}).spec()); }},
      {"a key that is written", [&] { TarShardWriter(there + "%d", {}).write("../" + kName, {}); }},
      {"an array", [&] { NpyArray{there}; }},
      {"CIFAR", [&] { CIFAR10{there}; }},
      {"MNIST", [&] { MNIST{there}; }},
      {"a manifest", [&] { ImageManifest{there + ".csv"}; }},
      {"a manifest's ending", [&] { ImageManifest{there}; }},
      {"a column", [&] { ImageManifest{directory.path() + "/a.csv"}; }},
      {"a column that is wanted", [&] { ImageManifest(directory.path() + "/b.csv", {.label = kName}); }},
      {"a label", [&] { ImageManifest{directory.path() + "/b.csv"}; }},
      {"a class that is chosen", [&] { ImageFolder(directory.path() + "/folder", {"x" + kName}); }},
      {"a pair's folder", [&] { ImagePairs::in_folders(there, there); }},
      {"a picture without a partner",
       [&] { ImagePairs::in_folders(directory.path() + "/pictures", directory.path() + "/others"); }},
      {"a picture of a pair",
       [&] {
         const std::string pictures = directory.path() + "/pictures";
         static_cast<void>(ImagePairs::in_folders(pictures, pictures).spec());
       }},
      {"a state", [&] { load_state(there); }},
      {"a state to be written", [&] { save(LoaderState{}, directory.path() + "/missing/" + kName); }},
      {"a field",
       [] {
         const Sample sample = {{kName, int64_t{1}}};
         static_cast<void>(sample["data"]);
       }},
      {"a field that is wanted",
       [] {
         const Sample sample = {{"data", int64_t{1}}};
         static_cast<void>(sample[kName]);
       }},
      {"a batch's column",
       [] {
         Columns columns;
         columns.add(kName, at::empty({1}));
         columns.tensor("data");
       }},
  };
  for (const auto& [name, call] : cases) {
    const std::string error = error_of(call);
    EXPECT_THAT(error, HasSubstr("cat\\x1b[2J\\r\\nmillrace: all is well")) << name;
    EXPECT_THAT(error, Not(HasSubstr("\n"))) << name;
    EXPECT_EQ(error, printable_lines(error)) << name;
  }
}

TEST(Messages, LongNamesAreCut) {
  const std::string error = error_of([] { ImageFolder{std::string(3000, 'a') + "/photos"}; });
  EXPECT_THAT(error, HasSubstr("bytes) ... "));
  EXPECT_THAT(error, HasSubstr("aaa/photos'")) << "the end says most";
  EXPECT_LT(error.size(), 700U);
}

}  // namespace
}  // namespace millrace::messages_test
