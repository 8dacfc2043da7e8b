// What shells offer for settings that are being written.

#include "millrace/configs/tables/completions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "millrace/configs/tables/reference.h"

namespace millrace::configs::completions_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> complete(std::string_view word) {
  return tables::complete_setting(word, [](const std::string&) { return ""; }, tables::describe_sections());
}

TEST(Completions, ReachEveryKeyOfTheTables) {
  for (const auto& section : tables::describe_sections()) {
    if (section.name == "transforms") continue;
    for (const auto& entry : section.entries)
      for (const auto& key : entry.keys) {
        const std::string path = (section.name == "run" ? "" : section.name + ".") + key.name;
        EXPECT_THAT(complete(path), Contains(path + "="));
      }
  }
}

TEST(Completions, GoAsFarAsTheNextDot) {
  EXPECT_THAT(complete("tes"), ElementsAre("test."));
  EXPECT_THAT(complete("test.da"), ElementsAre("test.dataset."));
  EXPECT_THAT(complete("transforms.resize.si"), ElementsAre("transforms.resize.size="));
}

TEST(Completions, OfferTypesByThemselvesWhereTheyNeedNoKey) {
  EXPECT_THAT(complete("sampler=ra"), ElementsAre("sampler=random "));
  EXPECT_THAT(complete("dataset="), Not(Contains("dataset=image_folder "))) << "which needs a root";
  EXPECT_THAT(complete("dataset.type=image_fo"), ElementsAre("dataset.type=image_folder "));
}

TEST(Completions, KeepTheMarksOfAddingAndRemoving) {
  EXPECT_THAT(complete("+epo"), ElementsAre("+epochs="));
  EXPECT_THAT(complete("~epo"), ElementsAre("~epochs "));
  EXPECT_THAT(complete("~transforms+"), IsEmpty());
  EXPECT_THAT(complete("~transforms=r"), IsEmpty()) << "what is removed has no value";
  EXPECT_THAT(complete("+transforms+=random"), IsEmpty()) << "what is added is not appended to";
  EXPECT_THAT(complete("+transforms"), Not(Contains("+transforms+=")));
}

TEST(Completions, RemoveSectionsAndStepsToo) {
  EXPECT_THAT(complete("~transf"), ElementsAre("~transforms ", "~transforms."));
  EXPECT_THAT(complete("~transforms.center_c"), ElementsAre("~transforms.center_crop ", "~transforms.center_crop."));
  EXPECT_THAT(complete("~transforms.center_crop."), Contains("~transforms.center_crop.size "));
}

TEST(Completions, GoIntoDatasetsAndSamplersOfOthers) {
  EXPECT_THAT(complete("dataset.dataset.ro"), ElementsAre("dataset.dataset.root="));
  EXPECT_THAT(complete("test.dataset.dataset.dataset.type=image_fo"),
              ElementsAre("test.dataset.dataset.dataset.type=image_folder "));
  EXPECT_THAT(complete("dataset.datasets.0.ro"), ElementsAre("dataset.datasets.0.root="));
  EXPECT_THAT(complete("sampler.sampler.see"), ElementsAre("sampler.sampler.seed="));
  const auto type_of = [](const std::string& section) { return section == "dataset.dataset" ? "mnist" : ""; };
  EXPECT_THAT(tables::complete_setting("dataset.dataset.", type_of, tables::describe_sections()),
              testing::IsSupersetOf({"dataset.dataset.root=", "dataset.dataset.split="}));
  EXPECT_THAT(tables::complete_setting("dataset.dataset.", type_of, tables::describe_sections()),
              Not(Contains("dataset.dataset.classes=")));
}

TEST(Completions, AskForTheTypeOfEachSection) {
  std::set<std::string> asked;
  const auto type_of = [&](const std::string& section) {
    asked.insert(section);
    return section == "test.dataset" ? "mnist" : "";
  };
  const auto keys = tables::complete_setting("test.dataset.", type_of, tables::describe_sections());
  EXPECT_THAT(asked, Contains("test.dataset"));
  EXPECT_THAT(keys, Contains("test.dataset.root="));
  EXPECT_THAT(keys, Not(Contains("test.dataset.classes=")));
}

TEST(Completions, TopicsAreSectionsAndTheirParts) {
  EXPECT_THAT(tables::complete_topic("o", tables::describe_sections()), ElementsAre("optimizer "));
  EXPECT_THAT(tables::complete_topic("optimizer.s", tables::describe_sections()), ElementsAre("optimizer.sgd "));
  EXPECT_THAT(tables::complete_topic("loader.batch", tables::describe_sections()), Contains("loader.batch_size "));
  EXPECT_THAT(tables::complete_topic("weather", tables::describe_sections()), IsEmpty());
}

}  // namespace
}  // namespace millrace::configs::completions_test
