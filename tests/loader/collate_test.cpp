#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "millrace/loader/collators.h"
#include "millrace/loader/columns.h"
#include "millrace/loader/example_codec.h"
#include "millrace/loader/named_sample.h"

namespace millrace {
namespace {

using collate::BatchOf;
using collate::Collated;
using collate::Default;
using testing::ElementsAre;
using testing::HasSubstr;

template <class Error, class Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing of the expected type was thrown";
  return "";
}

template <class... S>
auto batch_of(S... samples) {
  return Default()(std::vector<std::common_type_t<S...>>{std::move(samples)...});
}

std::vector<std::string> names(const Columns& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

at::Tensor filled(std::vector<int64_t> shape, double value, c10::ScalarType dtype = at::kFloat) {
  return at::full(shape, value, at::TensorOptions(dtype));
}

// Values, shape and dtype.
void expect_same(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.scalar_type(), b.scalar_type());
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_TRUE(at::equal(a, b)) << "other values";
}

struct Captioned {
  at::Tensor image;
  std::string caption;
  std::pair<float, int> box;

  template <class Visit>
  void fields(Visit&& visit) const {
    visit("image", image);
    visit("caption", caption);
    visit("box", box);
  }
};

struct Unknown {
  int* where = nullptr;
};

struct NoTarget {};
struct DataOnly {
  at::Tensor data;
};
struct Untargeted {
  at::Tensor data;
  NoTarget target;
};

// Named samples and what fits rows become Columns; all else keeps its structure.
static_assert(std::is_same_v<BatchOf<Default, at::Tensor>, Columns>);
static_assert(std::is_same_v<BatchOf<Default, float>, Columns>);
static_assert(std::is_same_v<BatchOf<Default, std::pair<at::Tensor, int>>, Columns>);
static_assert(std::is_same_v<BatchOf<Default, Example>, Columns>);
static_assert(std::is_same_v<BatchOf<Default, DataOnly>, Columns>);
static_assert(std::is_same_v<BatchOf<Default, Captioned>, Columns>);
static_assert(std::is_same_v<BatchOf<Default, Sample>, Columns>);
static_assert(std::is_same_v<BatchOf<Default, std::string>, std::vector<std::string>>);
static_assert(std::is_same_v<BatchOf<Default, std::pair<at::Tensor, std::string>>,
                             std::tuple<at::Tensor, std::vector<std::string>>>);
static_assert(std::is_same_v<Collated<std::array<float, 2>>, std::tuple<at::Tensor, at::Tensor>>);
static_assert(std::is_same_v<Collated<std::vector<float>>, std::vector<at::Tensor>>);
static_assert(std::is_same_v<Collated<std::map<std::string, bool>>, std::map<std::string, at::Tensor>>);
static_assert(
    std::is_same_v<Collated<std::unordered_map<std::string, Example>>, std::unordered_map<std::string, Columns>>);
static_assert(std::is_same_v<Collated<std::optional<std::string>>, std::optional<std::vector<std::string>>>);
static_assert(std::is_same_v<BatchOf<collate::Pad, std::vector<std::string>>, Columns>);
static_assert(std::is_same_v<BatchOf<collate::List, Unknown>, std::vector<Unknown>>);
static_assert(std::is_same_v<BatchOf<collate::None, Unknown>, Unknown>);

static_assert(collate::Collatable<std::map<std::string, std::vector<std::tuple<int, std::string>>>>);
static_assert(!collate::Collatable<Unknown>);
static_assert(!collate::Collatable<std::vector<std::pair<int, Unknown>>>);
static_assert(!collate::NamedStruct<std::vector<float>> && !collate::NamedStruct<at::Tensor> &&
              !collate::NamedStruct<std::string>);

TEST(DefaultCollate, GivesColumnsForNamedFields) {
  const auto batch = batch_of(Captioned{filled({2}, 1), "one", {1.5F, 7}}, Captioned{filled({2}, 2), "two", {2.5F, 8}});
  EXPECT_THAT(names(batch), ElementsAre("image", "caption", "box.0", "box.1"));
  expect_same(batch["image"], at::stack({filled({2}, 1), filled({2}, 2)}));
  EXPECT_THAT(batch.strings("caption"), ElementsAre("one", "two"));
  expect_same(batch["box.0"], at::tensor({1.5, 2.5}, at::kDouble));
  expect_same(batch["box.1"], at::tensor({7, 8}, at::kLong));
}

TEST(DefaultCollate, TakesNamesOfARunTimeSampleFromTheFirst) {
  const auto batch = batch_of(Sample{{"image", filled({2}, 1)}, {"text", "hello"}, {"n", size_t{3}}, {"ok", true}},
                              Sample{{"ok", false}, {"n", 4}, {"text", "you"}, {"image", filled({2}, 2)}, {"x", 1.0}});
  EXPECT_EQ(to_string(batch), "image: Float [2, 2], text: 2 strings, n: Long [2], ok: Bool [2]");
  expect_same(batch["n"], at::tensor({3, 4}, at::kLong));
}

}  // namespace
}  // namespace millrace
