// .safetensors to the byte, and what is said of those that are damaged.
#include "millrace/training/weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/training/changed_bytes.h"

namespace millrace::training::safetensors_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string length_of(uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

std::string file_of(const std::string& header, const std::string& data) {
  return length_of(header.size()) + header + data;
}

std::string bytes_of(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
}

std::string written(const Safetensors& content) {
  const test::Directory folder;
  NewFile file(folder.path() + "/x.safetensors");
  write_safetensors(file, content);
  file.commit();
  std::ifstream in(file.path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string refusal(const std::string& bytes) {
  return test::error_of<std::runtime_error>([&] { parse_safetensors(bytes); });
}

// What Python's safetensors.torch.save({"b": 2x2, "a": a byte, "half": 3}, {"format": "pt"}) gives.
std::string golden() {
  std::string header =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
      R"("half":{"dtype":"F16","shape":[3],"data_offsets":[16,22]},"a":{"dtype":"U8","shape":[],"data_offsets":[22,23]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return file_of(header, bytes_of({1, 2, 3, 4}) + std::string("\x00\x3c\x00\x3c\x00\x3c", 6) + "\x07");
}

Safetensors golden_content() {
  return {{{"a", torch::tensor(7, torch::kByte)},
           {"half", torch::ones({3}, torch::kHalf)},
           {"b", torch::tensor({1.F, 2.F, 3.F, 4.F}).view({2, 2})}},
          {{"format", "pt"}}};
}

TEST(SafetensorsFile, IsWrittenToTheByteAsPythonDoes) { EXPECT_EQ(written(golden_content()), golden()); }

TEST(SafetensorsFile, IsReadAsPythonWroteIt) {
  const auto content = parse_safetensors(golden());
  EXPECT_THAT(content.metadata, ElementsAre(Pair("format", "pt")));
  ASSERT_EQ(content.weights.size(), 3U);
  EXPECT_EQ(content.weights[0].name, "b");
  EXPECT_TRUE(content.weights[0].tensor.equal(torch::tensor({1.F, 2.F, 3.F, 4.F}).view({2, 2})));
  EXPECT_EQ(content.weights[1].name, "half");
  EXPECT_TRUE(content.weights[1].tensor.equal(torch::ones({3}, torch::kHalf)));
  EXPECT_EQ(content.weights[2].tensor.sizes().size(), 0U);
  EXPECT_EQ(content.weights[2].tensor.item<int>(), 7);
}

TEST(SafetensorsFile, HoldsEveryDtypeOfTheFormatThatTorchHas) {
  Safetensors content;
  for (const auto dtype : {torch::kBool, torch::kByte, torch::kChar, torch::kShort, torch::kUInt16, torch::kHalf,
                           torch::kBFloat16, torch::kInt, torch::kUInt32, torch::kFloat, torch::kDouble, torch::kLong,
                           torch::kUInt64, torch::kFloat8_e5m2, torch::kFloat8_e4m3fn})
    content.weights.push_back({c10::toString(dtype), torch::ones({3}).to(dtype)});
  const auto found = parse_safetensors(written(content));
  ASSERT_EQ(found.weights.size(), content.weights.size());
  for (const auto& [name, tensor] : found.weights) {
    EXPECT_EQ(c10::toString(tensor.scalar_type()), name);
    EXPECT_TRUE(tensor.to(torch::kFloat).eq(1).all().item<bool>()) << name;
  }
}

TEST(SafetensorsFile, HasNoRoomForOtherDtypes) {
  EXPECT_THAT(
      test::error_of<std::invalid_argument>([] { written({{{"a", torch::ones({2}, torch::kComplexDouble)}}, {}}); }),
      HasSubstr("tensor 'a' is ComplexDouble, which .safetensors cannot hold"));
}

TEST(SafetensorsFile, HasNoRoomForTwoOfOneName) {
  const auto error = [](const Safetensors& content) {
    return test::error_of<std::invalid_argument>([&] { written(content); });
  };
  EXPECT_THAT(error({{{"a", torch::ones({2})}, {"a", torch::ones({2}, torch::kHalf)}}, {}}), HasSubstr("'a'"));
  EXPECT_THAT(error({{{"__metadata__", torch::ones({2})}}, {}}), HasSubstr("'__metadata__'"));
  EXPECT_THAT(error({{{"\xff", torch::ones({2})}}, {}}), HasSubstr("no UTF-8"));
}

TEST(SafetensorsFile, WithoutTensorsIsOne) {
  EXPECT_TRUE(parse_safetensors(written({})).weights.empty());
  EXPECT_EQ(written({}), file_of("{}      ", ""));
}

// --- damage ---

std::string with_tensor(const std::string& entry, const std::string& data = std::string(16, 'x')) {
  return refusal(file_of("{\"a\":" + entry + "}", data));
}

TEST(DamagedSafetensors, SaysWhatIsWrongWithTheHeader) {
  EXPECT_THAT(refusal("x"), HasSubstr("is no .safetensors file"));
  EXPECT_THAT(refusal(length_of(100) + "{}"),
              HasSubstr("header: has 100 bytes, and the file ends before: it was cut off"));
  EXPECT_THAT(refusal(file_of("{\"a\" 1}", "")), HasSubstr("header, byte 14: is no JSON"));
  EXPECT_THAT(refusal(file_of("{\"a\":[[[[1]]]]}", "")), HasSubstr("header: is nested deeper than any header"));
  EXPECT_THAT(refusal(file_of("{\"__metadata__\":{\"a\":1}}", "")),
              HasSubstr("no map of texts: 'a' has another value"));
  EXPECT_THAT(refusal(file_of("{\"__metadata__\":[]}", "")), HasSubstr("no map of texts"));
  EXPECT_THAT(refusal(file_of("{\"__metadata__\":{},\"__metadata__\":{}}", "")),
              HasSubstr("header: has the key '__metadata__' twice"));
}

TEST(DamagedSafetensors, OfManyLevelsTakesNoMemoryOfThem) {
  EXPECT_THAT(refusal(file_of("{\"a\":" + std::string(1 << 22, '['), "")), HasSubstr("is nested deeper"));
}

TEST(DamagedSafetensors, SaysWhatIsWrongWithWhichTensor) {
  EXPECT_THAT(with_tensor("1"), HasSubstr("tensor 'a': expected dtype, shape and data_offsets"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F31","shape":[4],"data_offsets":[0,16]})"),
              HasSubstr("tensor 'a': dtype 'F31' is none that LibTorch has here"));
  EXPECT_THAT(with_tensor(R"({"dtype":32,"shape":[4],"data_offsets":[0,16]})"), HasSubstr("dtype is no text"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})"),
              HasSubstr("shape is no list of numbers from 0 on"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[1e300],"data_offsets":[0,16]})"), HasSubstr("shape is no list"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":4,"data_offsets":[0,16]})"), HasSubstr("shape is no list"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[4],"data_offsets":[0]})"),
              HasSubstr("data_offsets is no list of two numbers"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[4],"data_offsets":[0,12]})"),
              HasSubstr("data_offsets [0, 12] are not the 16 bytes of its shape and dtype"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})"), HasSubstr("data_offsets [16, 0]"));
}

TEST(DamagedSafetensors, TakesNoMemoryOfSizesThatTheFileDoesNotHave) {
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]})"),
              HasSubstr("its bytes end at 4000000000000, and the file has 16 behind the header: it was cut off"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]})"),
              HasSubstr("shape is larger than any memory"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]})"),
              HasSubstr("shape is larger than any memory"));
}

TEST(DamagedSafetensors, GivesEachByteToOneTensor) {
  const auto two = [](const std::string& begin, const std::string& end) {
    return refusal(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                           R"("b":{"dtype":"F32","shape":[2],"data_offsets":[)" +
                               begin + "," + end + "]}}",
                           std::string(16, 'x')));
  };
  EXPECT_EQ(two("8", "16"), "no error");
  EXPECT_THAT(two("4", "12"), HasSubstr("tensor 'b': its bytes begin at 4, and those before it end at 8"));
  EXPECT_THAT(two("0", "8"), HasSubstr("tensor 'b': its bytes begin at 0, and those before it end at 8"));
  EXPECT_THAT(two("9", "17"), HasSubstr("tensor 'b': its bytes begin at 9"));
  EXPECT_THAT(with_tensor(R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})"),
              HasSubstr("has 4 bytes behind the last tensor, which belong to none"));
}

TEST(DamagedSafetensors, WithBytesChangedAtRandomGivesTensorsOrAnError) {
  for (unsigned seed = 0; seed < 200; ++seed)
    test::expect_harmless([](const std::string& bytes) { parse_safetensors(bytes); }, test::changed(golden(), seed));
}

TEST(DamagedSafetensors, CutAnywhereIsAnError) {
  for (size_t size = 0; size < golden().size(); ++size)
    EXPECT_NE(refusal(golden().substr(0, size)), "no error") << size;
}

}  // namespace
}  // namespace millrace::training::safetensors_test
