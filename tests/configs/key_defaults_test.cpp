// The keys that a run leaves out, written out.

#include "millrace/configs/key_defaults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/configs/check.h"
#include "millrace/configs/node.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/yaml.h"

namespace millrace::configs::key_defaults_test {
namespace {

Value completed(const std::string& yaml) {
  return with_key_defaults(parse(yaml, "run.yaml"), tables::describe_sections());
}

std::string text_at(const Value& run, const char* section, const char* key) {
  const Value* const found = run.find(section);
  const Value* const value = found ? found->find(key) : nullptr;
  return value ? value->text : "nothing";
}

TEST(KeyDefaults, AreThoseOfTheTypeThatASectionNames) {
  const Value run = completed("{dataset: {type: mnist, root: x}, optimizer: sgd, epochs: 3}");
  EXPECT_EQ(text_at(run, "optimizer", "type"), "sgd");
  EXPECT_EQ(text_at(run, "optimizer", "momentum"), "0.9");
  EXPECT_EQ(text_at(run, "optimizer", "betas"), "nothing");
  EXPECT_EQ(text_at(run, "dataset", "root"), "x");
  EXPECT_EQ(run.find("epochs")->text, "3");
}

TEST(KeyDefaults, KeepWhatIsSaidAndSayWhereTheyComeFrom) {
  const Value run = completed("{dataset: {type: mnist, root: x}, loader: {batch_size: 7}}");
  EXPECT_EQ(text_at(run, "loader", "batch_size"), "7");
  EXPECT_EQ(run.find("loader")->find("batch_size")->origin.source, "run.yaml");
  EXPECT_EQ(run.find("loader")->find("drop_last")->origin.source, "default");
  EXPECT_EQ(text_at(run, "bench", "read"), "none") << "a word, and not the absence of a value";
}

TEST(KeyDefaults, MakeARunThatIsTakenAsThatOneWas) {
  const Value run = completed(
      "{dataset: {type: mnist, root: x}, test: {dataset: {type: mnist, root: y}}, sampler: random, schedule: cosine}");
  EXPECT_NE(run.find("test")->find("loader"), nullptr);
  EXPECT_NO_THROW(check_run(Node(parse(to_yaml(run), "all.yaml"))));
}

}  // namespace
}  // namespace millrace::configs::key_defaults_test
