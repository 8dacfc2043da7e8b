// Where a loader's state is read from. What is in it is tested with the loaders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "millrace/loader/state.h"
#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"

namespace millrace::state_file_test {
namespace {

using millrace::test::Directory;
using millrace::test::error_of;
using ::testing::HasSubstr;

TEST(StateFile, FifoIsRefusedByKindWithoutWaiting) {
  const Directory directory;
  const std::string path = directory.path() + "/state";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { load_state(path); }),
            "cannot read the loader state " + path + ": a FIFO, not a regular file");
}

TEST(StateFile, SparseFileIsRefusedBySize) {
  const Directory directory;
  directory.write("state", "{");
  std::filesystem::resize_file(directory.path() + "/state", 3'000'000'000);
  EXPECT_THAT(error_of([&] { load_state(directory.path() + "/state"); }),
              HasSubstr("a file of 3000000000 bytes, over the limit"));
}

TEST(StateFile, IsWrittenAndReadInHomeFolders) {
  const Directory directory;
  const test::Environment home("HOME", directory.path());
  LoaderState state;
  state.seed = 17;
  save(state, "~/state");
  EXPECT_TRUE(std::filesystem::exists(directory.path() + "/state"));
  EXPECT_EQ(load_state("~/state").seed, 17U);
}

TEST(StateFile, HexadecimalTextThatEndsInAnotherLetterIsRefused) {
  LoaderState state;
  state.sampler.generator = {0x1f};
  std::string text = to_string(state);
  text.replace(text.find("\"1f\"") + 1, 2, "1z");
  EXPECT_THAT(error_of([&] { loader_state_from_string(text); }), HasSubstr("'1z' in a hexadecimal text"));
}

}  // namespace
}  // namespace millrace::state_file_test
