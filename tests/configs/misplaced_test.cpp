// Keys that people have in other programs' files: each is answered with the key that it is here, which there is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "millrace/configs/check.h"
#include "millrace/configs/errors.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/configs/tables/synonyms.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::configs::misplaced_test {
namespace {

using testing::HasSubstr;

std::string refusal_of(const std::string& yaml) {
  const Node run(parse(yaml, "run.yaml"));
  return test::error_of<ConfigError>([&] { check_run(run); });
}

// Whether "optimizer.lr", "transforms.resize" or "classes" is something that a configuration may have.
bool is_there(const std::string& place) {
  const size_t dot = place.find('.');
  const std::string section = dot == place.npos ? "run" : place.substr(0, dot);
  const std::string name = place.substr(dot == place.npos ? 0 : dot + 1);
  for (const auto& one : tables::describe_sections())
    for (const auto& entry : one.entries) {
      if (one.name != section) continue;
      if (entry.name == name) return true;
      if (std::any_of(entry.keys.begin(), entry.keys.end(), [&](const auto& key) { return key.name == name; }))
        return true;
    }
  return false;
}

TEST(MisplacedKeys, AreAnsweredWithTheirPlace) {
  ASSERT_GT(tables::top_level_keys().size(), 10U);
  for (const Misplaced& one : misplaced_words()) {
    const std::string place(one.place);
    EXPECT_TRUE(is_there(place)) << place << " is no key";
    EXPECT_THAT(refusal_of("dataset: {type: image_folder, root: p}\n" + std::string(one.theirs) + ": 1\n"),
                HasSubstr(std::string(one.theirs) + ": unknown key here; its place is " + place));
    EXPECT_EQ(folded(one.theirs), one.theirs) << "words of the table are folded";
  }
}

TEST(MisplacedKeys, AreFoundInOtherSectionsToo) {
  const std::string dataset = "dataset: {type: image_folder, root: p}\n";
  EXPECT_THAT(refusal_of(dataset + "model: {type: small_cnn, num_classes: 3}"), HasSubstr("its place is classes"));
  EXPECT_THAT(refusal_of(dataset + "loader: {lr: 0.1}"), HasSubstr("its place is optimizer.lr"));
  EXPECT_THAT(refusal_of(dataset + "optimizer: {decay: 0.1}"), HasSubstr("did you mean weight_decay?"));
}

TEST(MisplacedValues, AreAnsweredWithTheMapThatWasMeant) {
  const std::string dataset = "dataset: {type: image_folder, root: p}\n";
  for (const auto& [yaml, cure] : {std::pair("ema: 0.9", "{decay: 0.9}"),
                                   {"loader: 64", "{batch_size: 64}"},
                                   {"early_stop: 5", "{patience: 5}"},
                                   {"gradients: 1.5", "{clip: 1.5}"},
                                   {"weights: resnet18.pt", "{from: resnet18.pt}"},
                                   {"loss: mse", "{of_pictures: mse}"}})
    EXPECT_THAT(refusal_of(dataset + yaml),
                HasSubstr("expected a map of settings, found '" +
                          std::string(yaml).substr(std::string(yaml).find(' ') + 1) + "'; write " + cure));
  EXPECT_THAT(refusal_of(dataset + "amp: true"), HasSubstr("did you mean bfloat16?"));
}

TEST(MisplacedValues, OfADatasetAreTakenForAFolder) {
  for (const char* folder : {"photos", "../photos"})
    EXPECT_THAT(refusal_of("dataset: " + std::string(folder)),
                HasSubstr("write {type: image_folder, root: " + std::string(folder) + "}; millrace init " + folder));
  EXPECT_THAT(refusal_of("dataset: image_foldr"), HasSubstr("did you mean image_folder?"));
}

}  // namespace
}  // namespace millrace::configs::misplaced_test
