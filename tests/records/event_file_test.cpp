#include "millrace/records/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/records/event.h"
#include "millrace/records/tf_record.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::event_file_test {
namespace {

using records::EventFile;
using records::Metric;
using testing::ElementsAre;
using testing::MatchesRegex;

constexpr double kThen = 1764396000.25;

records::WallClock always(double time) {
  return [time] { return time; };
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The expected bytes are what TensorBoard 2.21 writes of the same events; python_events.py prints them.
TEST(Event, HasTheBytesThatTensorBoardWrites) {
  EXPECT_EQ(hex(records::tf_record(records::version_event(kThen))),
            "1800000000000000a37f4b2209000010f8a24ada411a0d627261696e2e4576656e743a32456eba82");
  EXPECT_EQ(hex(records::tf_record(records::start_event(kThen, 300))),
            "100000000000000095fbfe1809000010f8a24ada4110ac023a0208019d9efb7c");
  EXPECT_EQ(hex(records::tf_record(records::scalars_event(kThen, 7, {{"train/loss", 0.5}, {"lr", 0}}))),
            "2b00000000000000861bc34b09000010f8a24ada4110072a1e0a110a0a747261696e2f6c6f7373150000003f0a090a026c72"
            "1500000000f11922d1");
  EXPECT_EQ(hex(records::tf_record(records::text_event(kThen, 1'000'000, "config", "epochs: 3\n"))),
            "39000000000000008b0737f109000010f8a24ada4110c0843d2a2a0a280a06636f6e66696742140807120412020801420a65"
            "706f6368733a20330a4a080a060a047465787475499e2f");
  EXPECT_EQ(hex(records::tf_record(records::image_event(kThen, 1, "batch", {2, 3, 3, "not a PNG"}))),
            "290000000000000037ff5f0009000010f8a24ada4110012a1c0a1a0a056261746368221108021003180322096e6f74206120"
            "504e47940b5491");
}

TEST(EventFile, IsNamedAsTensorBoardLooksForItAndBeginsWithItsVersion) {
  const test::Directory folder;
  const auto file = EventFile::begin(folder.path(), always(kThen));
  EXPECT_THAT(std::filesystem::path(file.path()).filename().string(),
              MatchesRegex("events\\.out\\.tfevents\\.1764396000\\..+\\.[0-9]+"));
  EXPECT_EQ(bytes_of(file.path()), records::tf_record(records::version_event(kThen)));
}

TEST(EventFile, HasEachEventWhenTheCallReturns) {
  const test::Directory folder;
  auto file = EventFile::begin(folder.path(), always(kThen));
  const size_t before = bytes_of(file.path()).size();
  file.add_scalars(1, {{"loss", 2}});
  EXPECT_EQ(bytes_of(file.path()).substr(before), records::tf_record(records::scalars_event(kThen, 1, {{"loss", 2}})));
}

TEST(EventFile, OfARunThatGoesOnComesLastByItsName) {
  const test::Directory folder;
  std::vector<std::string> names;
  names.push_back(EventFile::begin(folder.path(), always(kThen)).path());
  names.push_back(EventFile::resume(folder.path(), 1, always(kThen)).path());         // Within a second.
  names.push_back(EventFile::resume(folder.path(), 2, always(kThen - 3600)).path());  // The clock was set back.
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 3u);
}

// What TensorBoard's own reader finds in a folder, a line each; nothing where no Python has TensorBoard.
std::optional<std::vector<std::string>> found_by_tensorboard(const std::string& folder) {
  const auto [status, text] = test::detail::output_of(
      "'" + test::python() + "' '" + test::source("tests/records/read_events.py") + "' '" + folder + "'");
  constexpr int kNoTensorBoard = 3, kNoPython = 127;
  if (WIFEXITED(status) && (WEXITSTATUS(status) == kNoTensorBoard || WEXITSTATUS(status) == kNoPython))
    return std::nullopt;
  if (status != 0) throw std::runtime_error("read_events.py failed, see its message above");
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  return lines;
}

constexpr const char* kNoTensorBoard = "no TensorBoard: set MILLRACE_PYTHON to what scripts/setup_live prints";

TEST(EventFileLive, IsReadByTensorBoard) {
  const test::Directory folder;
  auto file = EventFile::begin(folder.path(), always(kThen));
  for (int64_t step = 0; step < 3; ++step)
    file.add_scalars(step, {{"train/loss", 1.0 / static_cast<double>(step + 1)}, {"lr", 0.1}});
  file.add_text(0, "config", "epochs: 3");
  file.add_image(2, "batch", {1, 1, 1, "a PNG"});
  const auto found = found_by_tensorboard(folder.path());
  if (!found) GTEST_SKIP() << kNoTensorBoard;
  EXPECT_THAT(*found, ElementsAre("scalar lr 0:0.1 1:0.1 2:0.1", "scalar train/loss 0:1 1:0.5 2:0.333333",
                                  "image batch 2:1x1:5 bytes", "text config 0:epochs: 3"));
}

TEST(EventFileLive, OfARunThatGoesOnTakesThePlaceOfWhatWasBeyond) {
  const test::Directory folder;
  {
    auto file = EventFile::begin(folder.path(), always(kThen));
    for (int64_t step = 0; step < 5; ++step) file.add_scalars(step, {{"loss", 1}});
  }
  {
    auto file = EventFile::resume(folder.path(), 3, always(kThen));
    for (int64_t step = 3; step < 6; ++step) file.add_scalars(step, {{"loss", 2}});
  }
  const auto found = found_by_tensorboard(folder.path());
  if (!found) GTEST_SKIP() << kNoTensorBoard;
  EXPECT_THAT(*found, ElementsAre("scalar loss 0:1 1:1 2:1 3:2 4:2 5:2"));
}

// Killed in the middle of a write.
TEST(EventFileLive, CutOffInAnEventKeepsThoseBefore) {
  const test::Directory folder;
  auto file = EventFile::begin(folder.path(), always(kThen));
  file.add_scalars(0, {{"loss", 1}});
  file.add_scalars(1, {{"loss", 2}});
  std::filesystem::resize_file(file.path(), std::filesystem::file_size(file.path()) - 5);
  auto next = EventFile::resume(folder.path(), 1, always(kThen));
  next.add_scalars(1, {{"loss", 3}});
  const auto found = found_by_tensorboard(folder.path());
  if (!found) GTEST_SKIP() << kNoTensorBoard;
  EXPECT_THAT(*found, ElementsAre("scalar loss 0:1 1:3"));
}

}  // namespace
}  // namespace millrace::event_file_test
