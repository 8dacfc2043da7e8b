// The lists of fields, and docs/transforms.md, which repeats them.
#include "millrace/loader/images/transforms/table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "millrace/tests/support/paths.h"

namespace millrace::transforms::table_test {
namespace {

TEST(NamedTransforms, HaveTheRowsOfThePageThatTheirListsGive) {
  std::ifstream file(test::source("docs/transforms.md"));
  const std::string page(std::istreambuf_iterator<char>(file), {});
  std::string rows;
  for (const Description& description : describe_all()) rows += table_row(description) + "\n";
  EXPECT_NE(page.find("\n" + rows), std::string::npos) << "docs/transforms.md needs, one below the other:\n" << rows;
}

TEST(NamedTransforms, SayTheirParametersAndDefaults) {
  EXPECT_EQ(table_row(describe<RandomErasing>()),
            "| `RandomErasing` | p 0.5, scale {0.02, 0.33}, ratio {0.3, 3.3}, value 0 | `random_erasing` | " +
                std::string(RandomErasing::kAbout) + " |");
  EXPECT_EQ(describe<RandomCrop>().parameters.front().default_value, "");
  EXPECT_EQ(describe<RandomCrop>().parameters[1].key, "padding") << "of the Pad in it";
  EXPECT_EQ(describe<RandomCrop>().parameters[1].default_value, "{0, 0, 0, 0}");
}

TEST(NamedTransforms, SayWhatAConfigurationMaySay) {
  const auto expected = [](const Description& transform, const std::string& key) {
    for (const auto& parameter : transform.parameters)
      if (parameter.key == key) return parameter.expected;
    return std::string("no such key");
  };
  EXPECT_EQ(expected(describe<Resize>(), "size"), "pixels, the shorter side or [height, width]");
  EXPECT_EQ(expected(describe<RandomErasing>(), "p"), "a number, from 0 to 1");
  EXPECT_EQ(expected(describe<RandomAffine>(), "interpolation"), "one of nearest, bilinear");
  EXPECT_EQ(expected(describe<ToDtype>(), "dtype"), "one of float32");
  for (const Description& transform : describe_all())
    for (const auto& parameter : transform.parameters)
      EXPECT_FALSE(parameter.expected.empty()) << transform.yaml_name << "." << parameter.key;
}

TEST(NamedTransforms, AreWordsInYaml) {
  EXPECT_EQ(yaml_name("RandomHorizontalFlip"), "random_horizontal_flip");
  EXPECT_EQ(yaml_name("Pad"), "pad");
}

}  // namespace
}  // namespace millrace::transforms::table_test
