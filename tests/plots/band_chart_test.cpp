#include "millrace/plots/band_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::band_chart_test {
namespace {

using namespace plots;
using testing::HasSubstr;
using testing::Not;

size_t rectangles(const std::string& svg, const std::string& kind) {
  size_t count = 0;
  const std::string part = "<rect class=\"" + kind + "\"";
  for (size_t at = svg.find(part); at != svg.npos; at = svg.find(part, at + 1)) ++count;
  return count;
}

// Bands of these, of kinds a, b and c on an axis of 0 to 100.
std::string chart_of(const std::vector<Band>& bands) {
  return to_svg({"bands", "ms", 100, {"a", "b", "c"}, {{"row", bands}}});
}

// One of them is the legend's.
TEST(BandChart, ABandIsARectangleInTheColourOfItsKind) {
  const std::string svg = chart_of({{0, 20, 0}, {20, 50, 2}, {60, 70, 0}});
  EXPECT_EQ(rectangles(svg, "dot0"), 1u + 2);
  EXPECT_EQ(rectangles(svg, "dot2"), 1u + 1);
}

TEST(BandChart, TheLegendNamesWhatIsThere) {
  const std::string svg = chart_of({{0, 20, 0}, {20, 50, 2}, {50, 50, 1}});
  EXPECT_THAT(svg, HasSubstr(">a</text>"));
  EXPECT_THAT(svg, HasSubstr(">c</text>"));
  EXPECT_THAT(svg, Not(HasSubstr(">b</text>")));
  EXPECT_THAT(svg, HasSubstr(">row</text>"));
}

TEST(BandChart, WhatLiesBeyondTheAxisIsNotDrawn) {
  const std::string svg = chart_of({{-10, 10, 0}, {90, 1e9, 0}, {200, 300, 1}});
  EXPECT_EQ(rectangles(svg, "dot0"), 1u + 2);
  EXPECT_EQ(rectangles(svg, "dot1"), 1u) << "it is in the legend alone";
  EXPECT_THAT(svg, Not(HasSubstr("width=\"10000")));
}

// Of bands that nobody can tell apart, those that take most of the time are seen: one kind first, then another.
TEST(BandChart, OfAMillionBandsThoseThatTakeMostAreSeen) {
  std::vector<Band> bands;
  constexpr int kPairs = 500'000;
  for (int i = 0; i < kPairs; ++i) {
    const double begin = 100.0 * i / kPairs;
    bands.push_back({begin, begin + 1.5e-4, i < kPairs / 2 ? size_t{0} : size_t{2}});
    bands.push_back({begin + 1.5e-4, begin + 2e-4, 1});
  }
  const std::string svg = chart_of(bands);
  EXPECT_EQ(rectangles(svg, "dot0"), 1u + 1);
  EXPECT_EQ(rectangles(svg, "dot1"), 1u);
  EXPECT_EQ(rectangles(svg, "dot2"), 1u + 1);
}

TEST(BandChart, ABandThatIsTooNarrowToBeSeenIsSeenWhereItIsAlone) {
  EXPECT_EQ(rectangles(chart_of({{50, 50.001, 1}}), "dot1"), 1u + 1);
  EXPECT_THAT(chart_of({{50, 50.001, 1}}), HasSubstr("width=\"0.5\""));
}

TEST(BandChart, WithoutARowIsAChartToo) { EXPECT_THAT(to_svg({"<none>", "s", 1, {}, {}}), HasSubstr("&lt;none&gt;")); }

}  // namespace
}  // namespace millrace::band_chart_test
