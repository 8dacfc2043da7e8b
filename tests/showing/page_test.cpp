// Sheets and pages of each task, kept in screenshots/ of the build folder for people to look at, and opened in a
// browser where there is one.
#include "millrace/showing/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "millrace/plots/png.h"
#include "millrace/showing/read_statistics.h"
#include "millrace/showing/sheet.h"
#include "millrace/tests/plots/chromium.h"
#include "millrace/tests/showing/tasks.h"
#include "millrace/tests/support/directory.h"

namespace millrace::page_test {
namespace {

using namespace showing;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// A task and what its page has.
struct Task {
  const char* name;
  configs::Node (*run)(const test::Directory& folder);
  int64_t samples;
  int64_t draws;
  size_t pictures;
  size_t charts;
};

configs::Node classes(const test::Directory& folder) { return test::classes_run(folder); }

// Photographs are of two sizes and more, which have a chart.
const Task kTasks[] = {{"photos", test::photos_run, 8, 3, 8 * 4, 1}, {"classes", classes, 4, 1, 8, 1},
                       {"boxes", test::boxes_run, 4, 1, 8, 0},       {"masks", test::masks_run, 4, 1, 8, 0},
                       {"pairs", test::pairs_run, 4, 1, 8, 0},       {"tokens", test::tokens_run, 4, 1, 0, 0}};

class OfEachTask : public testing::TestWithParam<Task> {
 protected:
  void SetUp() override {
    const RunData data = test::data_of(GetParam().run(folder_));
    shown_ = read_samples(data, {GetParam().samples, GetParam().draws});
    page_ = page_of(std::string(GetParam().name) + ".yaml, train", *shown_, read_statistics(data, Extent::kSome, {}));
  }

  std::string file() const { return "show_" + std::string(GetParam().name); }

  const test::Directory folder_;
  std::optional<Shown> shown_;
  std::string page_;
};

INSTANTIATE_TEST_SUITE_P(Show, OfEachTask, testing::ValuesIn(kTasks),
                         [](const auto& task) { return std::string(task.param.name); });

TEST_P(OfEachTask, ASheetIsKept) {
  std::filesystem::create_directories(test::built("screenshots"));
  const plots::Picture sheet = sheet_of(*shown_);
  std::ofstream(test::built("screenshots/" + file() + "_sheet.png"), std::ios::binary) << plots::to_png(sheet);
  EXPECT_GT(sheet.width, 300);
}

TEST_P(OfEachTask, APageHasAllPicturesAndNoScript) {
  EXPECT_EQ(count_of(page_, "<img "), GetParam().pictures);
  EXPECT_EQ(count_of(page_, "<svg "), GetParam().charts);
  EXPECT_EQ(count_of(page_, "<script"), 0u);
  EXPECT_EQ(count_of(page_, "http://") + count_of(page_, "https://"), count_of(page_, "http://www.w3.org/2000/svg"));
}

TEST_P(OfEachTask, APageOpensInABrowser) {
  if (!test::Chromium::is_there()) GTEST_SKIP() << "no chromium: scripts/setup --live installs it";
  const test::Chromium chromium;
  for (const auto& view : test::Chromium::kViews) {
    const auto opened = chromium.open(page_, view);
    EXPECT_THAT(opened.console, IsEmpty());
    EXPECT_EQ(opened.width, view.width) << "nothing overflows";
    EXPECT_EQ(static_cast<size_t>(opened.pictures), GetParam().pictures);
    EXPECT_EQ(static_cast<size_t>(opened.charts), GetParam().charts);
  }
  for (const auto scheme : {test::Chromium::Scheme::kLight, test::Chromium::Scheme::kDark})
    chromium.keep_screenshot(file() + ".html", page_, scheme);
}

TEST(ShowPage, EscapesWhatFilesAreCalled) {
  const test::Directory folder;
  folder.write("<b>x/<script>.png", test::square_at(8, 8, 0, 0, 4));
  const RunData data =
      test::data_of(test::run_of("{dataset: {type: image_folder, root: DATA}, loader: {batch_size: 1}}", folder));
  const std::string page = page_of("<i>", read_samples(data, {1, 1}), read_statistics(data, Extent::kAll, {}));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, Not(HasSubstr("<b>x")));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;x"));
}

TEST(ShowPage, NamesBrokenFiles) {
  const test::Directory folder;
  const RunData data = test::data_of(test::classes_run(folder));
  const std::string page = page_of("x", read_samples(data, {4, 1}), read_statistics(data, Extent::kAll, {}));
  EXPECT_THAT(page, HasSubstr("Samples that cannot be read"));
  EXPECT_THAT(page, HasSubstr("blue/e.png"));
}

}  // namespace
}  // namespace millrace::page_test
