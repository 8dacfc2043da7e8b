// The pages of `millrace bench --html` in a browser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "millrace/tests/plots/chromium.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::bench_page_test {
namespace {

using test::Chromium;
using testing::HasSubstr;

class BenchPage : public testing::Test {
 protected:
  void SetUp() override {
    if (!Chromium::is_there()) GTEST_SKIP() << "no chromium: scripts/setup --live installs it";
  }

  // The page of `millrace bench` with these arguments.
  std::string page(const std::string& arguments) const {
    const auto result = test::run_in(folder_.path(), "'" + test::built("apps/millrace") + "' bench " +
                                                         test::source("configs/bench_tiny.yaml") +
                                                         " --warmup 0.1 --window 0.05 --html page.html " + arguments);
    EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 4) << result.err;
    std::ifstream file(folder_.path() + "/page.html", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void expect_opens(const std::string& name, const std::string& page, int charts) const {
    for (const auto& view : Chromium::kViews) {
      const auto opened = chromium_.open(page, view);
      EXPECT_EQ(opened.console, "");
      EXPECT_EQ(opened.width, view.width) << "nothing is wider than its window";
      EXPECT_EQ(opened.charts, charts);
    }
    for (const auto scheme : {Chromium::Scheme::kLight, Chromium::Scheme::kDark})
      chromium_.keep_screenshot(name, page, scheme);
  }

  const test::Directory folder_;
  const Chromium chromium_;
};

// The rate, next(), the workers' stages and what each worker did when.
TEST_F(BenchPage, OfAMeasurementHasItsPlots) { expect_opens("bench.html", page("--step-ms 5"), 4); }

TEST_F(BenchPage, ShowsWhatEachWorkerDid) {
  const std::string page = this->page("loader.num_workers=2");
  EXPECT_THAT(page, HasSubstr("<title>Where the workers' time goes</title>"));
  const size_t time_line = page.find("<title>What each worker does</title>");
  ASSERT_NE(time_line, page.npos);
  for (const char* const worker : {">worker 0</text>", ">worker 1</text>"})
    EXPECT_NE(page.find(worker, time_line), page.npos) << worker;
  EXPECT_NE(page.find("<rect class=\"dot", time_line), page.npos) << "no stage is drawn";
  expect_opens("bench_workers.html", page, 4);
}

TEST_F(BenchPage, OfAComparisonHasBothBesideEachOther) {
  page("--save old.json");
  expect_opens("bench_compared.html", page("--compare old.json"), 5);
}

TEST_F(BenchPage, OfASweepHasASeriesForEachSetting) {
  expect_opens("bench_sweep.html", page("--repeats 3 --sweep loader.num_workers=0,1 loader.prefetch=2,4"), 1);
}

}  // namespace
}  // namespace millrace::bench_page_test
