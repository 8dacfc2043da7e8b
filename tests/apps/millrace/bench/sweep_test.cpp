#include "millrace/apps/millrace/bench/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "millrace/tests/support/error_of.h"

namespace millrace::sweep_test {
namespace {

using apps::choose;
using apps::Setting;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A setting with windows around a rate, of which none is like another.
Setting measured(const std::string& name, double rate, double workers_mb, int windows = 10) {
  constexpr double kNoise = 0.001;
  Setting setting{{name}, {}, name + "\n"};
  setting.measurement.workers_pss_mb = workers_mb;
  for (int i = 0; i < windows; ++i) {
    apps::Window window;
    window.seconds = 1000;
    window.samples = static_cast<int64_t>(1000 * rate * (1 + kNoise * (i - 4.5)));
    setting.measurement.windows.push_back(window);
  }
  return setting;
}

std::string sentence(const std::vector<Setting>& settings) { return sentence_of(settings, choose(settings)); }

std::string refusal_of(const std::vector<std::string>& sweep) {
  return test::error_of([&] { apps::settings_of(sweep); });
}

TEST(Sweep, TakesNoKeyAndNoValueTwice) {
  EXPECT_EQ(refusal_of({"loader.num_workers=1,2", "loader.num_workers=3"}),
            "--sweep has loader.num_workers twice; give all its values at once, loader.num_workers=VALUE,VALUE");
  EXPECT_EQ(refusal_of({"loader.num_workers=1,1"}), "--sweep has loader.num_workers=1 twice; give each value once");
  EXPECT_EQ(refusal_of({"loader.num_workers=1,2", "loader.prefetch=1,2"}), "no error");
  EXPECT_EQ(refusal_of({"transforms+=a,b", "transforms+=a,c"}), "no error") << "two elements of a list";
}

TEST(Sweep, NamesTheBestThatIsFasterThanAllOthersByMoreThanTheNoise) {
  const std::vector<Setting> settings{measured("a=1", 1000, 10), measured("a=2", 2000, 20), measured("a=3", 1500, 30)};
  EXPECT_EQ(choose(settings).taken, 1u);
  EXPECT_THAT(choose(settings).as_fast, IsEmpty());
  EXPECT_EQ(sentence(settings), "The best: a=2, faster than all others by more than the noise.");
  EXPECT_THAT(text_of(settings), testing::ContainsRegex("a=2 .*  best\n"));
  EXPECT_EQ(json_of(settings)["best"]["not_told_apart_from"], nlohmann::json::array());
}

TEST(Sweep, TakesTheLeastMemoryOfThoseThatTheNoiseDoesNotTellApart) {
  // The second is faster in all windows, by so little as the next run may be slower.
  const std::vector<Setting> settings{measured("a=1", 500, 1), measured("a=2", 1020, 30), measured("a=3", 1000, 20)};
  EXPECT_EQ(choose(settings).taken, 2u);
  EXPECT_THAT(choose(settings).as_fast, ElementsAre(1u));
  EXPECT_EQ(
      sentence(settings),
      "No best: the noise does not tell a=3 from a=2. Taken is a=3, the first of them whose workers need the least "
      "memory.");
  const std::string text = text_of(settings);
  EXPECT_THAT(text, testing::ContainsRegex("a=2 .*  within the noise\n"));
  EXPECT_THAT(text, testing::ContainsRegex("a=3 .*  taken\n"));
  EXPECT_TRUE(text.ends_with("\n\na=3\n")) << text;
  EXPECT_EQ(json_of(settings)["best"]["overrides"], nlohmann::json({"a=3"}));
  EXPECT_EQ(json_of(settings)["best"]["not_told_apart_from"], nlohmann::json::parse(R"([["a=2"]])"));
}

TEST(Sweep, TakesTheFirstWhereMemoryIsNoReasonEither) {
  const std::vector<Setting> settings{measured("a=1", 1000, 20.1), measured("a=2", 1010, 20.0)};
  EXPECT_EQ(choose(settings).taken, 0u);
}

TEST(Sweep, TellsNothingApartByTwoWindowsEach) {
  const std::vector<Setting> settings{measured("a=1", 1000, 0, 2), measured("a=2", 2000, 10, 2)};
  EXPECT_EQ(choose(settings).taken, 0u);
  EXPECT_THAT(choose(settings).as_fast, ElementsAre(1u));
  EXPECT_THAT(sentence(settings),
              HasSubstr("So few windows tell nothing apart; measure five or more of each (--repeats)."));
}

TEST(Sweep, NamesAFewOfManyThatAreNotToldApart) {
  std::vector<Setting> settings;
  for (int i = 0; i < 12; ++i) settings.push_back(measured("a=" + std::to_string(i), 1000, 10));
  EXPECT_THAT(sentence(settings),
              HasSubstr("does not tell a=0 from a=1, a=2, a=3, a=4, a=5, a=6, a=7, a=8 and 3 others. "));
}

TEST(Sweep, OfOneSettingIsNoComparison) {
  EXPECT_EQ(sentence({measured("a=1", 1000, 0)}), "The best: a=1, which alone was measured.");
}

}  // namespace
}  // namespace millrace::sweep_test
