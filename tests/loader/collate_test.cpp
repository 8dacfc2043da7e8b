#include <ATen/ops/_nested_tensor_from_tensor_list.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/data/example.h>
#include <torch/data/transforms/stack.h>

#include <array>
#include <cstdio>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "millrace/loader/collate.h"
#include "millrace/loader/collation/example_codec.h"
#include "millrace/loader/columns.h"
#include "millrace/loader/sample.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

using collate::BatchOf;
using collate::Collated;
using collate::Default;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

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

struct Scene {
  std::map<std::string, std::vector<std::pair<int, std::string>>> parts;
  std::optional<float> score;
  Example pair;
  void fields(const auto& visit) const {
    visit("parts", parts);
    visit("score", score);
    visit("pair", pair);
  }
};

struct Changing {
  bool with_name;
  void fields(const auto& visit) const {
    if (with_name) visit("name", std::string("x"));
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
  expect_same(batch["ok"], at::tensor({1, 0}, at::kLong).to(at::kBool));
  EXPECT_THAT(batch.strings("text"), ElementsAre("hello", "you"));
}

// Names, types and shapes as those of the batch's rows, collate.h.
template <class S>
void expect_columns_of_rows(const S& sample) {
  static_assert(collate::FitsRows<S>);
  const SampleSpec spec = collate::spec_of(sample);
  const Columns batch = Default()(std::vector<S>{sample, sample, sample});
  ASSERT_EQ(batch.size(), spec.fields.size());
  size_t f = 0;
  for (const auto& [name, value] : batch) {
    const FieldSpec& field = spec.fields[f++];
    EXPECT_EQ(name, field.name);
    EXPECT_EQ(batch[name].scalar_type(), field.dtype) << name;
    std::vector<int64_t> shape = {3};
    shape.insert(shape.end(), field.shape.begin(), field.shape.end());
    EXPECT_EQ(batch[name].sizes(), at::IntArrayRef(shape)) << name;
  }
}

TEST(DefaultCollate, GivesTheColumnsThatFixedRowsWouldBe) {
  const auto tensor = filled({2, 3}, 1, at::kByte);
  expect_columns_of_rows(tensor);
  expect_columns_of_rows(1.5F);
  expect_columns_of_rows(true);
  expect_columns_of_rows(uint8_t{3});
  expect_columns_of_rows(Example{tensor, filled({}, 1)});
  expect_columns_of_rows(std::pair(tensor, 3));
  expect_columns_of_rows(std::tuple(tensor, std::pair(1, true), Example{tensor, tensor}));
  expect_columns_of_rows(std::array<double, 3>());
}

TEST(DefaultCollate, NamesThePartsOfAFieldByDots) {
  const Example pair{filled({1}, 1), filled({}, 2)};
  const auto batch =
      batch_of(Scene{{{"a", {{1, "x"}}}, {"b", {}}}, {}, pair}, Scene{{{"a", {{2, "y"}}}, {"b", {}}}, {}, pair});
  EXPECT_EQ(to_string(batch),
            "parts.a.0.0: Long [2], parts.a.0.1: 2 strings, pair.data: Float [2, 1], pair.target: Float [2]");
  EXPECT_THAT(names(batch_of(Scene{{}, 0.5F, pair}, Scene{{}, 1.5F, pair})),
              ElementsAre("score", "pair.data", "pair.target"));
}

TEST(DefaultCollate, TakesExamplesWithoutTarget) {
  EXPECT_THAT(names(batch_of(DataOnly{filled({2}, 1)}, DataOnly{filled({2}, 1)})), ElementsAre("data"));
  EXPECT_THAT(names(batch_of(Untargeted{filled({2}, 1), {}}, Untargeted{filled({2}, 1), {}})), ElementsAre("data"));
  EXPECT_THAT(names(batch_of(torch::data::TensorExample(filled({2}, 1)), torch::data::TensorExample(filled({2}, 1)))),
              ElementsAre("data"));
  EXPECT_THAT(names(batch_of(torch::data::Example<>(filled({2}, 1), filled({}, 1)))), ElementsAre("data", "target"));
}

TEST(DefaultCollate, KeepsOptionalsThatAllSamplesOrNoneHave) {
  using Maybe = std::optional<std::string>;
  EXPECT_THAT(batch_of(Maybe("a"), Maybe("b")).value(), ElementsAre("a", "b"));
  EXPECT_FALSE(batch_of(Maybe(), Maybe()).has_value());
  EXPECT_EQ(message_of<std::runtime_error>([] { batch_of(Maybe("a"), Maybe("b"), Maybe()); }),
            "default_collate: an optional value is in all samples of a batch or in none, but is present at entry 0 and "
            "absent at entry 2");
  EXPECT_THAT(message_of<std::runtime_error>(
                  [] { batch_of(std::map<std::string, Maybe>{{"a", {}}}, std::map<std::string, Maybe>{{"a", "x"}}); }),
              HasSubstr("absent at entry 0 and present at entry 1, in field 'a'"));
}

TEST(DefaultCollate, TellsUnequalShapesInPyTorchsWords) {
  const std::string words = "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1";
  EXPECT_EQ(message_of<std::runtime_error>([] { batch_of(filled({2}, 1), filled({3}, 1)); }), words);
  EXPECT_EQ(message_of<std::runtime_error>(
                [] { batch_of(Captioned{filled({2}, 1), "", {}}, Captioned{filled({3}, 1), "", {}}); }),
            words + ", in field 'image'");
  EXPECT_EQ(message_of<std::runtime_error>([] {
              using Nested = std::pair<std::string, Sample>;
              batch_of(Nested("", {{"image", filled({2}, 1)}}), Nested("", {{"image", filled({3}, 1)}}));
            }),
            words + ", in field '1.image'");
}

TEST(DefaultCollate, TellsUnequalListsInPyTorchsWords) {
  using Numbers = std::vector<int>;
  EXPECT_EQ(message_of<std::runtime_error>([] { batch_of(Numbers{1, 2}, Numbers{1, 2}, Numbers{1}); }),
            "each element in list of batch should be of equal size, but got 2 at entry 0 and 1 at entry 2");
}

TEST(DefaultCollate, NamesTheKeyAndEntryThatLacksIt) {
  using Map = std::unordered_map<std::string, int>;
  EXPECT_EQ(message_of<std::runtime_error>([] { batch_of(Map{{"a", 1}}, Map{{"b", 1}}); }),
            "default_collate: entry 1 has no key 'a', which entry 0 has");
  EXPECT_EQ(batch_of(Map{{"a", 1}}, Map{{"a", 1}, {"b", 2}}).size(), 1u) << "the first one's keys";
  EXPECT_EQ(message_of<std::runtime_error>([] { batch_of(Sample{{"a", 1}}, Sample{{"b", 1}, {"c", "x"}}); }),
            "default_collate: entry 1 has no field 'a', which entry 0 has; it has b: an integer, c: a string");
}

TEST(DefaultCollate, RefusesAFieldOfTwoKinds) {
  EXPECT_EQ(message_of<std::runtime_error>([] { batch_of(Sample{{"a", 1}}, Sample{{"a", 1}}, Sample{{"a", 1.5}}); }),
            "default_collate: field 'a' is an integer at entry 0 and a float at entry 2");
}

TEST(DefaultCollate, RefusesStructsWhoseFieldsChange) {
  EXPECT_EQ(
      message_of<std::runtime_error>([] { batch_of(Changing{true}, Changing{false}); }),
      "default_collate: entry 1 has no field 'name' where entry 0 has it; fields() visits the same names and types "
      "for every sample");
}

TEST(DefaultCollate, RefusesUndefinedNestedAndSparseTensors) {
  EXPECT_EQ(message_of<std::runtime_error>(
                [] { batch_of(Example{filled({1}, 1), filled({1}, 1)}, Example{filled({1}, 1), {}}); }),
            "default_collate: found an undefined tensor at entry 1, in field 'target'");
  EXPECT_EQ(message_of<std::runtime_error>([] { batch_of(filled({2}, 1), filled({2}, 1).to_sparse()); }),
            "Batches of sparse tensors are not currently supported by the default collate_fn; please provide a custom "
            "collate_fn to handle them appropriately.");
  EXPECT_THAT(message_of<std::runtime_error>([] {
                const auto nested = at::_nested_tensor_from_tensor_list({filled({2}, 1), filled({3}, 1)});
                batch_of(nested, nested);
              }),
              HasSubstr("Batches of nested tensors are not currently supported by the default collate_fn"));
}

TEST(DefaultCollate, RefusesABatchWithoutSamples) {
  EXPECT_THROW(Default()(std::vector<at::Tensor>()), std::invalid_argument);
  EXPECT_THROW(Default()(std::vector<std::string>()), std::invalid_argument);
  EXPECT_THROW(Default()(std::vector<Sample>()), std::invalid_argument);
}

TEST(DefaultCollate, StacksUnequalTypesInTheTypeThatHoldsAll) {
  EXPECT_EQ(batch_of(filled({1}, 1, at::kInt), filled({1}, 1, at::kDouble))["data"].scalar_type(), at::kDouble);
}

TEST(DefaultCollate, LeavesGradientHistoryBehind) {
  const auto weight = filled({2}, 1).requires_grad_();
  EXPECT_FALSE(batch_of(weight * 2, weight)["data"].requires_grad());
}

TEST(StackCollator, GivesWhatTorchDatasStackGives) {
  std::vector<torch::data::Example<>> examples;
  for (int i = 0; i < 3; ++i) examples.emplace_back(filled({2, 2}, i), filled({}, i, at::kLong));
  const auto reference = torch::data::transforms::Stack<>().apply_batch(examples);
  const auto batch = collate::Stack()(std::vector(examples));
  static_assert(std::is_same_v<decltype(batch), const torch::data::Example<>>);
  expect_same(batch.data, reference.data);
  expect_same(batch.target, reference.target);

  const std::vector<torch::data::TensorExample> tensors{filled({2}, 1), filled({2}, 2)};
  expect_same(collate::Stack()(std::vector(tensors)).data,
              torch::data::transforms::Stack<torch::data::TensorExample>().apply_batch(tensors).data);
  EXPECT_THAT(
      message_of<std::runtime_error>([] {
        collate::Stack()(std::vector<Example>{{filled({1}, 1), filled({1}, 1)}, {filled({1}, 1), filled({2}, 1)}});
      }),
      HasSubstr("got [1] at entry 0 and [2] at entry 1, in field 'target'"));
}

TEST(PadCollator, PadsEveryDimensionAndGivesLengths) {
  const auto batch = collate::Pad{-1}(std::vector<Sample>{{{"x", filled({2, 1}, 1, at::kInt)}, {"y", 3}, {"z", "a"}},
                                                          {{"x", filled({1, 3}, 2, at::kInt)}, {"y", 4}, {"z", "b"}},
                                                          {{"x", filled({0, 2}, 3, at::kInt)}, {"y", 5}, {"z", "c"}}});
  EXPECT_THAT(names(batch), ElementsAre("x", "x.lengths", "y", "z"));
  expect_same(batch["x"], at::tensor({1, -1, -1, 1, -1, -1,  //
                                      2, 2, 2, -1, -1, -1,   //
                                      -1, -1, -1, -1, -1, -1},
                                     at::kInt)
                              .reshape({3, 2, 3}));
  expect_same(batch["x.lengths"], at::tensor({2, 1, 0}, at::kLong));
}

TEST(PadCollator, GivesLengthsWhetherTensorsDifferOrNot) {
  const collate::Pad pad;
  EXPECT_THAT(names(pad(std::vector<at::Tensor>{filled({2}, 1), filled({2}, 1)})), ElementsAre("data", "data.lengths"));
  EXPECT_THAT(names(pad(std::vector<at::Tensor>{filled({}, 1), filled({}, 1)})), ElementsAre("data"));
  EXPECT_THAT(names(pad(std::vector<std::tuple<at::Tensor, std::string>>{{filled({2}, 1), "a"}})),
              ElementsAre("0", "0.lengths", "1"));
}

TEST(PadCollator, RefusesUnequalNumbersOfDimensions) {
  EXPECT_EQ(message_of<std::runtime_error>([] {
              collate::Pad()(std::vector<Example>{{filled({2}, 1), filled({}, 1)}, {filled({2, 1}, 1), filled({}, 1)}});
            }),
            "only tensors with the same number of dimensions can be padded, but got [2] at entry 0 and [2, 1] at entry "
            "1, in field 'data'");
  EXPECT_THROW(collate::Pad()(std::vector<at::Tensor>{filled({}, 1), filled({2}, 1)}), std::runtime_error);
}

TEST(RaggedCollator, StacksEqualShapesAndKeepsOthersApart) {
  const auto batch =
      collate::Ragged()(std::vector<Example>{{filled({2}, 1), filled({}, 1)}, {filled({3}, 2), filled({}, 2)}});
  EXPECT_EQ(to_string(batch), "data: 2 tensors, target: Float [2]");
  expect_same(batch.tensors("data")[1], filled({3}, 2));
}

TEST(ListAndNoneCollators, GiveSamplesAsTheyAre) {
  int here = 0;
  EXPECT_EQ(collate::List()(std::vector<Unknown>{{&here}, {nullptr}})[0].where, &here);
  EXPECT_EQ(collate::None()(std::vector<std::string>{"alone"}), "alone");
  EXPECT_EQ(message_of<std::invalid_argument>([] { collate::None()(std::vector<int>{1, 2}); }),
            "without collation a batch is one sample, not 2; collate them, or take one sample at a time");
}

TEST(UsersCollator, IsAnyFunctionOfAVectorOfSamples) {
  const auto sum = [](std::vector<int> samples) { return std::accumulate(samples.begin(), samples.end(), 0L); };
  static_assert(std::is_same_v<BatchOf<decltype(sum), int>, long>);
  EXPECT_EQ(sum({1, 2, 3}), 6);
}

TEST(Sample, FindsValuesByNameAndSaysWhatThereIs) {
  Sample sample{{"image", filled({2}, 1)}, {"text", "hello"}, {"half", 0.5F}};
  EXPECT_EQ(sample.get<std::string>("text"), "hello");
  EXPECT_EQ(std::get<double>(sample["half"]), 0.5);
  sample["label"] = 3;
  EXPECT_EQ(sample.get<int64_t>("label"), 3);
  EXPECT_EQ(sample.size(), 4u);
  const std::string there = "image: a tensor, text: a string, half: a float, label: an integer";
  EXPECT_EQ(to_string(sample), there);
  EXPECT_EQ(message_of<std::out_of_range>([&] { std::as_const(sample)["txt"]; }),
            "the sample has no field 'txt'; it has " + there);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { sample.get<bool>("text"); }),
            "field 'text' is a string, not a bool");
  EXPECT_THROW((Sample{{"a", 1}, {"a", 2}}), std::invalid_argument);
}

TEST(Columns, FindValuesByNameAndSayWhatThereIs) {
  Columns columns;
  columns.add("image", filled({2, 3}, 1));
  columns.add("text", std::vector<std::string>{"a", "b"});
  columns.add("tokens", std::vector<at::Tensor>{filled({1}, 1), filled({2}, 1)});
  EXPECT_EQ(columns.tensors("tokens").size(), 2u);
  EXPECT_EQ(message_of<std::out_of_range>([&] { columns["img"]; }),
            "the batch has no column 'img'; it has image: Float [2, 3], text: 2 strings, tokens: 2 tensors");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { columns["text"]; }),
            "column 'text' is 2 strings, read it with strings(\"text\")");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { columns.strings("image"); }),
            "column 'image' is Float [2, 3], read it with tensor(\"image\")");
  EXPECT_THROW(columns.add("text", at::Tensor()), std::invalid_argument);
}

template <class T>
T round_trip(const T& value) {
  Encoded encoded = encode(value);
  T decoded;
  DecodeArchive archive(encoded.bytes, encoded.fds);
  archive(decoded);
  EXPECT_EQ(archive.remaining(), 0u) << "bytes are left over";
  return decoded;
}

TEST(Codec, CarriesSamplesAndColumns) {
  const Sample sample{{"image", filled({2}, 1)}, {"text", "hello"}, {"n", 3}, {"x", 0.5}, {"ok", true}};
  const Sample sample_there = round_trip(sample);
  EXPECT_EQ(to_string(sample_there), to_string(sample));
  EXPECT_EQ(sample_there.get<std::string>("text"), "hello");
  expect_same(sample_there.get<at::Tensor>("image"), filled({2}, 1));

  const auto batch = collate::Ragged()(std::vector<Sample>{{{"x", filled({1}, 1)}, {"s", "a"}, {"n", 1}},  //
                                                           {{"x", filled({2}, 2)}, {"s", "b"}, {"n", 2}}});
  const Columns there = round_trip(batch);
  EXPECT_EQ(to_string(there), "x: 2 tensors, s: 2 strings, n: Long [2]");
  expect_same(there.tensors("x")[1], filled({2}, 2));
  EXPECT_THAT(there.strings("s"), ElementsAre("a", "b"));
}

TEST(Codec, CarriesExamplesOfAnyMembers) {
  const auto ours = round_trip(Example{filled({2}, 1), filled({}, 3, at::kLong)});
  expect_same(ours.data, filled({2}, 1));
  expect_same(ours.target, filled({}, 3, at::kLong));
  expect_same(round_trip(torch::data::Example<>(filled({2}, 1), filled({}, 3))).target, filled({}, 3));
  const auto texts = round_trip(torch::data::Example<std::vector<std::string>, int>({"a", "b"}, 7));
  EXPECT_THAT(texts.data, ElementsAre("a", "b"));
  EXPECT_EQ(texts.target, 7);
  expect_same(round_trip(Untargeted{filled({2}, 1), {}}).data, filled({2}, 1));
  expect_same(round_trip(torch::data::TensorExample(filled({2}, 5))).data, filled({2}, 5));
  EXPECT_EQ(round_trip(std::vector<Example>(3)).size(), 3u);
}

TEST(Codec, LeavesExamplesThatSerializeThemselvesToThemselves) {
  struct Doubled {
    int data = 0, target = 0;
    void save(EncodeArchive& archive) const { archive(2 * data, 2 * target); }
    void load(DecodeArchive& archive) { archive(data, target); }
  };
  EXPECT_EQ(round_trip(Doubled{3, 4}).target, 8);
}

// Random samples, as Python writes them, and batches, as pytorch_collate.py prints them.

std::string written(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

const char* dtype_name(c10::ScalarType dtype) {
  switch (dtype) {
    case at::kByte:
      return "uint8";
    case at::kLong:
      return "int64";
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kBool:
      return "bool";
    default:
      throw std::logic_error("a dtype the test does not use");
  }
}

template <class Range, class Write>
std::string joined(const Range& range, const char* separator, const Write& write) {
  std::string text;
  for (const auto& part : range) text.append(text.empty() ? "" : separator).append(write(part));
  return text;
}

std::string shape_of(const at::Tensor& tensor) {
  return "[" + joined(tensor.sizes(), ", ", [](int64_t size) { return std::to_string(size); }) + "]";
}

std::string values_of(const at::Tensor& tensor, const char* separator) {
  const at::Tensor flat = tensor.to(at::kDouble).flatten();
  return joined(std::span(flat.const_data_ptr<double>(), static_cast<size_t>(flat.numel())), separator, written);
}

struct InPython {
  std::string operator()(const at::Tensor& tensor) const {
    return std::string("T('") + dtype_name(tensor.scalar_type()) + "', " + shape_of(tensor) + ", [" +
           values_of(tensor, ", ") + "])";
  }
  std::string operator()(const std::string& text) const { return "'" + text + "'"; }
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(int value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    const std::string text = written(value);
    return text.find_first_of(".e") == text.npos ? text + ".0" : text;
  }
  std::string operator()(float value) const { return (*this)(static_cast<double>(value)); }
  std::string operator()(const Sample& sample) const {
    return "{" +
           joined(sample, ", ",
                  [this](const Sample::Field& field) {
                    return (*this)(field.name) + ": " + std::visit(*this, field.value);
                  }) +
           "}";
  }
  template <class T>
  std::string operator()(const T& value) const {
    if constexpr (collate::NamedStruct<T>) {
      std::string text;
      collate::detail::visit_fields(value, [&](std::string_view name, const auto& field) {
        text.append(text.empty() ? "" : ", ").append((*this)(std::string(name)) + ": " + (*this)(field));
      });
      return "{" + text + "}";
    } else if constexpr (collate::TupleLike<T>) {
      return std::apply([this](const auto&... parts) { return "(" + (((*this)(parts) + ", ") + ... + ")"); }, value);
    } else if constexpr (requires { typename T::mapped_type; }) {
      return "{" +
             joined(value, ", ",
                    [this](const auto& item) { return (*this)(item.first) + ": " + (*this)(item.second); }) +
             "}";
    } else {
      return "[" + joined(value, ", ", *this) + "]";
    }
  }
};

struct AsPrinted {
  std::string operator()(const at::Tensor& tensor) const {
    return dtype_name(tensor.scalar_type()) + shape_of(tensor) + "(" + values_of(tensor, " ") + ")";
  }
  std::string operator()(const std::string& text) const { return "'" + text + "'"; }
  std::string operator()(const Columns& columns) const {
    return joined(columns, ", ",
                  [this](const Column& column) { return column.name + ": " + std::visit(*this, column.value); });
  }
  template <class R>
  std::string operator()(const R& batch) const {
    if constexpr (collate::TupleLike<R>) {
      std::string text =
          std::apply([this](const auto&... parts) { return (((*this)(parts) + ", ") + ... + ""); }, batch);
      return "[" + text.substr(0, text.size() - 2) + "]";
    } else if constexpr (requires { typename R::mapped_type; }) {
      const std::map<std::string, typename R::mapped_type> sorted(batch.begin(), batch.end());
      return "{" + joined(sorted, ", ", [this](const auto& item) { return item.first + ": " + (*this)(item.second); }) +
             "}";
    } else {
      return "[" + joined(batch, ", ", *this) + "]";
    }
  }
};

// Draws samples that collate: `shape` draws all that samples of a batch have in common, and is the same for each.
class RandomSamples {
 public:
  RandomSamples(uint64_t shape_seed, std::mt19937_64& values) : shape_(shape_seed), values_(values) {}

  template <class T>
  T draw() {
    if constexpr (std::is_same_v<T, at::Tensor>) {
      std::vector<int64_t> sizes(static_cast<size_t>(common(0, 3)));
      for (auto& size : sizes) size = common(0, 3);
      constexpr c10::ScalarType kTypes[] = {at::kByte, at::kLong, at::kFloat, at::kDouble, at::kBool};
      const at::Tensor tensor = at::empty(sizes, at::kDouble);
      for (auto& value : std::span(tensor.mutable_data_ptr<double>(), static_cast<size_t>(tensor.numel())))
        value = static_cast<double>(own(0, 400)) / 8;
      return tensor.to(kTypes[common(0, 4)]);
    } else if constexpr (std::is_same_v<T, bool>) {
      return own(0, 1) == 1;
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(own(-1000000, 1000000));
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(std::uniform_real_distribution<double>(-10, 10)(values_));
    } else if constexpr (std::is_same_v<T, std::string>) {
      std::string text(static_cast<size_t>(own(0, 6)), ' ');
      for (char& letter : text) letter = static_cast<char>(own('a', 'z'));
      return text;
    } else if constexpr (std::is_same_v<T, Sample>) {
      return {{"image", draw<at::Tensor>()},
              {"text", draw<std::string>()},
              {"label", draw<int>()},
              {"weight", draw<double>()},
              {"real", draw<bool>()}};
    } else if constexpr (std::is_same_v<T, Captioned>) {
      return {draw<at::Tensor>(), draw<std::string>(), draw<std::pair<float, int>>()};
    } else if constexpr (std::is_same_v<T, Example>) {
      return {draw<at::Tensor>(), draw<at::Tensor>()};
    } else if constexpr (collate::TupleLike<T>) {
      T tuple;
      std::apply([&](auto&... parts) { ((parts = this->draw<std::remove_reference_t<decltype(parts)>>()), ...); },
                 tuple);
      return tuple;
    } else if constexpr (requires { typename T::mapped_type; }) {
      T map;
      for (int64_t n = common(0, 3); n > 0; --n)
        map[std::string(1, static_cast<char>(common('a', 'e')))] = draw<typename T::mapped_type>();
      return map;
    } else {
      T list;
      for (int64_t n = common(0, 3); n > 0; --n) list.push_back(draw<typename T::value_type>());
      return list;
    }
  }

 private:
  int64_t common(int64_t low, int64_t high) { return std::uniform_int_distribution(low, high)(shape_); }
  int64_t own(int64_t low, int64_t high) { return std::uniform_int_distribution(low, high)(values_); }

  std::mt19937_64 shape_;
  std::mt19937_64& values_;
};

struct Comparison {
  std::string question;
  std::string answer;
};

// Now and then a batch has an entry with another shape.
template <class S>
Comparison compare(std::mt19937_64& random) {
  const uint64_t shape = random();
  std::vector<S> samples;
  for (int64_t n = std::uniform_int_distribution(1, 5)(random); n > 0; --n) {
    const bool odd = std::uniform_int_distribution(0, 20)(random) == 0;
    samples.push_back(RandomSamples(odd ? shape + 1 : shape, random).draw<S>());
  }
  constexpr bool kColumns = std::is_same_v<BatchOf<Default, S>, Columns>;
  Comparison made{(kColumns ? "columns " : "structure ") + InPython()(samples), ""};
  try {
    made.answer = AsPrinted()(Default()(std::move(samples)));
  } catch (const std::runtime_error& error) {
    made.answer = std::string("error: ") + error.what();
  }
  return made;
}

TEST(DefaultCollate, GivesWhatTheInstalledPyTorchGives) {
  using Tensor = at::Tensor;
  using Text = std::string;
  constexpr Comparison (*kKinds[])(std::mt19937_64&) = {
      &compare<Tensor>,
      &compare<double>,
      &compare<bool>,
      &compare<Text>,
      &compare<std::pair<Tensor, int>>,
      &compare<std::tuple<std::pair<Tensor, bool>, std::array<float, 3>>>,
      &compare<Example>,
      &compare<Captioned>,
      &compare<Sample>,
      &compare<std::tuple<Tensor, Text, double>>,
      &compare<std::vector<int>>,
      &compare<std::vector<bool>>,
      &compare<std::vector<Tensor>>,
      &compare<std::map<Text, Tensor>>,
      &compare<std::unordered_map<Text, double>>,
      &compare<std::map<Text, std::vector<std::tuple<Tensor, Text>>>>,
      &compare<std::tuple<std::vector<float>, std::map<Text, bool>, std::array<float, 3>>>,
      &compare<std::vector<std::vector<std::map<Text, int>>>>,
  };
  auto random = test::seeded_generator();
  std::vector<Comparison> comparisons;
  for (int i = 0; i < 10; ++i)
    for (const auto& kind : kKinds) comparisons.push_back(kind(random));
  std::vector<std::string> questions;
  for (const auto& each : comparisons) questions.push_back(each.question);

  const auto answers = test::ask_python("loader/pytorch_collate.py", questions);
  if (!answers)
    GTEST_SKIP() << test::python() << " cannot import torch; set MILLRACE_PYTHON to a Python that can, to compare";
  int errors = 0;
  for (size_t i = 0; i < comparisons.size(); ++i) {
    const auto& [question, answer] = comparisons[i];
    const std::string& theirs = (*answers)[i + 1];
    if (theirs.starts_with("error: ")) {  // Ours says more, before or behind it.
      ++errors;
      EXPECT_THAT(answer, AllOf(StartsWith("error: "), HasSubstr(theirs.substr(7)))) << question;
    } else {
      EXPECT_EQ(answer, theirs) << question << "\n  torch " << answers->front();
    }
  }
  EXPECT_LT(errors, std::ssize(comparisons) / 2) << "too few batches that collate";
}

}  // namespace
}  // namespace millrace
