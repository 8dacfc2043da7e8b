// `millrace pack` as people call it: what it says, how it ends, and what Python and tar read of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/packing/sources.h"
#include "millrace/tests/loader/datasets/webdataset_reference.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::pack_command_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The pictures of tests/data, in their classes.
class PackCommand : public ::testing::Test {
 protected:
  PackCommand() { fs::copy(test::data("photos"), folder() + "/photos", fs::copy_options::recursive); }

  std::string folder() const { return directory_.path(); }

  test::Ended run(const std::string& line) const {
    return test::run_in(folder(), "PATH='" + test::built("apps") + "':$PATH; " + line);
  }

  size_t pictures() const { return ImageFolder(folder() + "/photos").size(); }

  /// A shard for each sample of many, so that there is time.
  static constexpr const char* kLongPack = "millrace pack photos shards --workers 1 --shard-samples 1";
  void add_many_photos() const {
    for (int i = 0; i < 20; ++i)
      fs::copy(folder() + "/photos/hat", folder() + "/photos/hat" + std::to_string(i), fs::copy_options::recursive);
  }

  /// A line of the shell that begins to pack, as $packer, and goes on when the first shards are there.
  static std::string begun(const std::string& pack) {
    return pack + " & packer=$!; while kill -0 $packer && ! ls shards/*.tar >/dev/null 2>&1; do :; done; ";
  }

 private:
  test::Directory directory_;
};

TEST_F(PackCommand, SaysWhatItPackedAndHowFast) {
  const auto ended = run("millrace pack photos shards --shard-samples 4 --workers 2");
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const auto lines = test::lines_of(ended.out);
  ASSERT_EQ(lines.size(), 2U) << ended.out;
  const std::string samples = std::to_string(pictures()) + " samples";
  EXPECT_THAT(lines[0], StartsWith("shard: " + samples + " in "));
  EXPECT_THAT(lines[1],
              AllOf(StartsWith("packed " + samples + " of "), HasSubstr(" classes into shards: "), HasSubstr(" MB/s")));
  const auto again = run("millrace pack photos shards --shard-samples 4 --workers 2");
  EXPECT_THAT(again.out, AnyOf(HasSubstr(" were there"), HasSubstr(" was there")));
  std::string classes;
  const ImageFolder photos(folder() + "/photos");
  for (const auto& name : photos.classes()) classes += name + "\n";
  EXPECT_EQ(text_of(folder() + "/shards/classes.txt"), classes);
}

TEST_F(PackCommand, SaysTheSameInJson) {
  const auto ended = run("millrace pack photos shards --split train=0.75,test=0.25 --json");
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const json report = json::parse(ended.out);
  EXPECT_EQ(report["samples"], pictures());
  EXPECT_EQ(report["classes"], ImageFolder(folder() + "/photos").classes().size());
  EXPECT_EQ(report["splits"][0]["name"], "train");
  EXPECT_EQ(report["splits"][0]["samples"].get<size_t>() + report["splits"][1]["samples"].get<size_t>(), pictures());
  EXPECT_EQ(report["broken"], json::array());
  EXPECT_TRUE(fs::exists(folder() + "/shards/test-000000.tar"));
}

TEST_F(PackCommand, NamesWhatCannotBeReadAndFailsUnlessItMaySkip) {
  fs::remove_all(folder() + "/photos/dress");
  fs::create_directories(folder() + "/photos/dress");
  fs::create_symlink("nowhere", folder() + "/photos/dress/gone.jpg");
  const auto ended = run("millrace pack photos shards");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("millrace: sample 'dress/gone': cannot open"), HasSubstr("No such file"),
                               HasSubstr("1 sample could not be read"), HasSubstr("--skip-broken")));
  EXPECT_FALSE(fs::exists(folder() + "/shards/shard-000000.tar"));
  const auto skipped = run("millrace pack photos shards --skip-broken");
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_THAT(skipped.err, HasSubstr("'dress/gone'"));
  EXPECT_THAT(skipped.out, HasSubstr("packed " + std::to_string(pictures() - 1) + " sample"));
}

TEST_F(PackCommand, VerifiesShardsAndNamesTheSampleOfAFlippedBit) {
  ASSERT_EQ(run("millrace pack photos shards").exit_code, 0);
  EXPECT_THAT(run("millrace pack shards --verify").out,
              AllOf(StartsWith("verified 1 shard, "), HasSubstr("each byte")));
  TarShards shards(folder() + "/shards/shard-000000.tar");
  const auto place = *shards.place(3, "jpg");
  {
    std::fstream file(folder() + "/shards/shard-000000.tar", std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(place.offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(place.offset));
    file.put(static_cast<char>(byte ^ 4));
  }
  const auto damaged = run("millrace pack 'shards/shard-{000000..000001}.tar' --verify");
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.out, AllOf(HasSubstr("sample '" + std::string(shards.key(3)) + "'"),
                                 HasSubstr("its bytes are not"), HasSubstr("shard-000001.tar': No such file")));
  const auto report = json::parse(run("millrace pack shards --verify --json").out);
  EXPECT_EQ(report["damages"][0]["sample"], std::string(shards.key(3)));
  EXPECT_EQ(report["damages"][0]["begin"], place.offset);
}

TEST_F(PackCommand, RefusesAWrongCommandLine) {
  for (const char* line : {"millrace pack", "millrace pack photos", "millrace pack photos shards --verify",
                           "millrace pack photos shards --split train", "millrace pack photos shards --columns x=y",
                           "millrace pack photos shards --order any", "millrace pack photos shards --shard-bytes 0"})
    EXPECT_EQ(run(line).exit_code, 2) << line;
  EXPECT_FALSE(fs::exists(folder() + "/shards"));
  const auto none = run("millrace pack none shards");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("no such file or folder: 'none'"));
}

TEST_F(PackCommand, ReplacesNoClassesThatItHasNotWritten) {
  const std::string list =
      "../photos/hat/" + fs::directory_iterator(folder() + "/photos/hat")->path().filename().string() + " hat\n";
  fs::create_directory(folder() + "/shards");
  std::ofstream(folder() + "/shards/classes.txt") << list;
  for (const char* line : {"millrace pack shards/classes.txt shards",
                           "millrace pack shards/classes.txt shards --overwrite", "millrace pack photos shards"}) {
    const auto ended = run(line);
    EXPECT_EQ(ended.exit_code, 1) << line;
    EXPECT_THAT(ended.err, HasSubstr("'shards/classes.txt' would be replaced by the names of the classes")) << line;
    EXPECT_EQ(text_of(folder() + "/shards/classes.txt"), list) << line;
  }
  EXPECT_TRUE(packing::tar_files_at(folder() + "/shards").empty());
  EXPECT_EQ(run("millrace pack photos shards --overwrite").exit_code, 0);
  EXPECT_NE(text_of(folder() + "/shards/classes.txt"), list);
}

TEST_F(PackCommand, StopsWhenAskedAndTheSameCommandGoesOn) {
  add_many_photos();
  const std::string pack = kLongPack;
  const auto stopped = run(begun(pack) + "kill -TERM $packer; wait $packer");
  EXPECT_EQ(stopped.exit_code, 3) << stopped.err;
  EXPECT_THAT(stopped.out, AllOf(StartsWith("stopped: "), HasSubstr("the same command goes on")));
  const auto rest = run(pack);
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_THAT(rest.out, AnyOf(HasSubstr(" were there"), HasSubstr(" was there")));
  EXPECT_EQ(packing::tar_files_at(folder() + "/shards").size(), pictures());
}

// The first packer stands still in the middle of its work, and has the folder.
TEST_F(PackCommand, RefusesAFolderThatAnotherPackerHas) {
  add_many_photos();
  const std::string pack = kLongPack;
  const auto second = run(begun(pack) + "kill -STOP $packer; " + pack +
                          "; code=$?; kill -CONT $packer; wait $packer; echo the first ended with $?; exit $code");
  EXPECT_EQ(second.exit_code, 1) << second.out;
  EXPECT_THAT(second.err, HasSubstr("another millrace pack writes into 'shards'; wait for its end, or take another "
                                    "folder"));
  EXPECT_THAT(second.out, HasSubstr("the first ended with 0"));
  EXPECT_EQ(packing::tar_files_at(folder() + "/shards").size(), pictures());
}

TEST_F(PackCommand, WaitsAMomentForAPackerThatEnds) {
  add_many_photos();
  const std::string pack = kLongPack;
  const auto both = run(
      begun(pack) + "kill -STOP $packer; " + pack +
      " >second & second=$!; until ls -l /proc/$second/fd 2>/dev/null | grep -q '/shards$'; do "
      "kill -0 $second || break; done; kill -CONT $packer; wait $packer; first=$?; wait $second; echo codes $first $?");
  EXPECT_THAT(both.out, HasSubstr("codes 0 0")) << both.err;
  EXPECT_THAT(text_of(folder() + "/second"), AnyOf(HasSubstr(" were there"), HasSubstr(" was there")));
  EXPECT_EQ(packing::tar_files_at(folder() + "/shards").size(), pictures());
}

TEST_F(PackCommand, TarUnpacksWhatWasPacked) {
  ASSERT_EQ(run("millrace pack photos shards --shard-samples 5").exit_code, 0);
  const auto ended = run("mkdir unpacked && for shard in shards/*.tar; do tar -C unpacked -xf $shard || exit 9; done");
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  const ImageFolder photos(folder() + "/photos");
  for (size_t i = 0; i < photos.size(); ++i) {
    const fs::path path = photos.describe(i), below = fs::relative(path, folder() + "/photos");
    EXPECT_EQ(text_of(fs::path(folder()) / "unpacked" / below), text_of(path));
    EXPECT_EQ(text_of((fs::path(folder()) / "unpacked" / below).replace_extension("cls")),
              std::to_string(photos.label(i)));
  }
}

TEST_F(PackCommand, PythonsWebdatasetReadsWhatWasPacked) {
  ASSERT_EQ(run("millrace pack photos shards --shard-samples 5").exit_code, 0);
  const auto read = test::ask_webdataset("list '" + folder() + "/shards'/*.tar");
  if (!read) GTEST_SKIP() << "no Python with webdataset: set MILLRACE_PYTHON to what scripts/setup_live prints";
  EXPECT_EQ(read->size(), pictures());
  EXPECT_EQ(*read, test::lines_of(TarShards(packing::tar_files_at(folder() + "/shards"))));
}

}  // namespace
}  // namespace millrace::pack_command_test
