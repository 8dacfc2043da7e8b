#include "millrace/plots/line_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/plots/svg.h"
#include "millrace/plots/thinning.h"
#include "millrace/plots/ticks.h"
#include "millrace/tests/plots/charts.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::line_chart_test {
namespace {

using namespace plots;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Ticks, AreMultiplesOfOneTwoOrFiveAroundTheRange) {
  EXPECT_THAT(linear_ticks(0, 1, 5), ElementsAre(0, 0.2, 0.4, testing::DoubleEq(0.6), 0.8, 1));
  EXPECT_THAT(linear_ticks(13, 47, 5), ElementsAre(10, 20, 30, 40, 50));
  EXPECT_THAT(linear_ticks(-3, 3, 3), ElementsAre(-4, -2, 0, 2, 4));
  EXPECT_THAT(linear_ticks(1, 4, 10, 1), ElementsAre(1, 2, 3, 4)) << "no half epochs";
}

TEST(Ticks, OfARangeWithoutExtentLieAroundIt) {
  EXPECT_THAT(linear_ticks(0, 0, 2), ElementsAre(-1, 0, 1));
  for (const double value : {-7.0, 0.003, 1e12, 1e-320}) {
    const auto ticks = linear_ticks(value, std::nextafter(value, 1e300), 5);
    EXPECT_LT(ticks.front(), value);
    EXPECT_GT(ticks.back(), value);
  }
}

TEST(Ticks, HaveTheRangeBetweenTheFirstAndTheLastWhateverItIs) {
  for (double low : {-1e6, -0.1, 0.0, 1e-9, 0.3, 1234.5})
    for (double extent : {1e-7, 0.001, 0.7, 3.0, 99.0, 1e9}) {
      const auto ticks = linear_ticks(low, low + extent, 6);
      EXPECT_LE(ticks.front(), low + 1e-6 * extent);
      EXPECT_GE(ticks.back(), low + extent * (1 - 1e-6));
      EXPECT_GE(ticks.size(), 2u);
      EXPECT_LE(ticks.size(), 9u) << low << " + " << extent;
    }
}

TEST(Ticks, OfALogarithmicAxisArePowersOfTen) {
  EXPECT_THAT(log_ticks(0.002, 300, 6), ElementsAre(testing::DoubleNear(0.001, 1e-9), testing::DoubleNear(0.01, 1e-9),
                                                    testing::DoubleNear(0.1, 1e-9), 1, 10, 100, 1000));
  EXPECT_THAT(log_ticks(3, 4, 6), ElementsAre(2, 5)) << "between powers of ten";
  EXPECT_THAT(log_ticks(10, 10, 6), ElementsAre(10, 20)) << "no extent";
  const auto wide = log_ticks(1e-30, 1, 6);
  EXPECT_LE(wide.size(), 8u);
  EXPECT_LE(wide.front(), 1e-30);
}

TEST(Ticks, AreWrittenShort) {
  EXPECT_EQ(tick_text(0), "0");
  EXPECT_EQ(tick_text(-0.0), "0");
  EXPECT_EQ(tick_text(3 * 0.1), "0.3");
  EXPECT_EQ(tick_text(-20), "-20");
  EXPECT_EQ(tick_text(1500), "1.5k");
  EXPECT_EQ(tick_text(2e6), "2M");
  EXPECT_EQ(tick_text(1e-5), "1e-05");
}

TEST(Thinning, KeepsWhatIsSeenOfEachColumn) {
  const std::vector<Point> points{{0, 5}, {0.2, 9}, {0.4, 1}, {0.6, 7}, {0.8, 6}, {1, 2}, {2, 3}, {2.5, 4}};
  EXPECT_EQ(thinned(points), (std::vector<Point>{{0, 5}, {0.2, 9}, {0.4, 1}, {0.8, 6}, {1, 2}, {2, 3}, {2.5, 4}}));
  EXPECT_EQ(thinned({}), std::vector<Point>{});
}

TEST(SvgText, IsEscapedAndCutToItsPlace) {
  EXPECT_EQ(xml_text("a<b & \"c\">\x1b"), "a&lt;b &amp; &quot;c&quot;&gt;\\x1b");
  EXPECT_EQ(fitted("loss", 14, 100), "loss");
  EXPECT_EQ(fitted("精度精度精度", 10, 40), "精度…") << "whole characters";
  EXPECT_LE(text_width(fitted(std::string(500, 'W'), 14, 300), 14), 300);
}

TEST(LineChart, OfAMillionPointsIsSmall) {
  Series noise{"loss", {}};
  for (int i = 0; i < 1'000'000; ++i)
    noise.points.push_back({static_cast<double>(i), static_cast<double>(i * 7919LL % 1000)});
  EXPECT_LT(to_svg({"noise", "step", "loss", {noise}}).size(), 60'000u);
}

TEST(LineChart, LeavesAGapWhereNothingCanBeShown) {
  const double nan = std::nan("");
  const LineChart gap{"loss", "step", "", {{"loss", {{0, 1}, {1, 2}, {2, nan}, {3, 4}, {4, 5}}}}};
  EXPECT_EQ(count_of(to_svg(gap), "<polyline"), 2u);
  LineChart log{"loss", "step", "", {{"loss", {{0, 1}, {1, 2}, {2, 0}, {3, -4}, {4, 5}, {5, 5}}}}, Scale::kLog};
  EXPECT_EQ(count_of(to_svg(log), "<polyline"), 2u);
}

TEST(LineChart, OfOnePointOrNoneIsOneToo) {
  const auto one = to_svg({"loss", "step", "", {{"loss", {{3, 0.5}}}}});
  EXPECT_EQ(count_of(one, "<circle"), 1u);
  EXPECT_THAT(one, Not(HasSubstr("nan")));
  EXPECT_THAT(to_svg({"loss", "step", "", {}}), HasSubstr("nothing to show yet"));
  EXPECT_THAT(to_svg({"loss", "step", "", {{"loss", {{0, std::numeric_limits<double>::infinity()}}}}}),
              HasSubstr("nothing to show yet"));
}

TEST(LineChart, NamesItsSeriesWhereThereAreSeveral) {
  const Series train{"train", {{0, 1}, {1, 2}}}, test{"test", {{0, 2}, {1, 3}}};
  EXPECT_THAT(to_svg({"loss", "epoch", "", {train}}), Not(HasSubstr(">train<")));
  const auto both = to_svg({"loss", "epoch", "", {train, test}});
  EXPECT_THAT(both, HasSubstr(">train<"));
  EXPECT_THAT(both, HasSubstr(">test<"));
}

// Every coordinate is inside, whatever the names and numbers are.
TEST(LineChart, StaysInsideItsFrame) {
  for (const LineChart& chart : test::charts()) {
    const std::string svg = to_svg(chart);
    std::smatch size;
    ASSERT_TRUE(std::regex_search(svg, size, std::regex(R"(viewBox="0 0 480\.0 ([0-9.]+)\")")));
    const double height = std::stod(size[1]);
    static const std::regex kX(R"( (x|x1|x2|cx)="([^"]+)\")"), kY(R"( (y|y1|y2|cy)="([^"]+)\")");
    for (std::sregex_iterator at(svg.begin(), svg.end(), kX), end; at != end; ++at) {
      EXPECT_GE(std::stod((*at)[2]), 0) << chart.title;
      EXPECT_LE(std::stod((*at)[2]), 480) << chart.title;
    }
    for (std::sregex_iterator at(svg.begin(), svg.end(), kY), end; at != end; ++at) {
      EXPECT_GE(std::stod((*at)[2]), 0) << chart.title;
      EXPECT_LE(std::stod((*at)[2]), height) << chart.title;
    }
  }
}

// By the XML parser of Python's standard library, which setting up a machine needs.
TEST(LineChart, IsWellFormedAndAsksForNothingFromElsewhere) {
  const test::Directory folder;
  std::string files;
  for (const LineChart& chart : test::charts()) {
    const std::string name = std::to_string(files.size()) + ".svg";
    folder.write(name, to_svg(chart));
    files += " '" + folder.path() + "/" + name + "'";
  }
  const auto [status, text] =
      test::detail::output_of("python3 '" + test::source("tests/plots/check_svg.py") + "'" + files + " 2>&1");
  EXPECT_EQ(status, 0) << text;
}

}  // namespace
}  // namespace millrace::line_chart_test
