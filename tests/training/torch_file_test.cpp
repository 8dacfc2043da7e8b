// Files of torch.save, written and damaged; python_test.cpp has those that Python wrote.
#include "millrace/training/weights/torch_file.h"

#include <caffe2/serialize/inline_container.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/training/changed_bytes.h"
#include "millrace/training/weights/pickle.h"
#include "millrace/training/weights/zip.h"

namespace millrace::training::torch_file_test {
namespace {

using ::testing::HasSubstr;

using Files = std::map<std::string, std::string>;

std::string written(const NamedTensors& weights) {
  const test::Directory folder;
  NewFile file(folder.path() + "/x.pt");
  write_torch_file(file, weights);
  file.commit();
  std::ifstream in(file.path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// An archive of these files, as torch makes it.
std::string archive_of(const Files& files, bool compressed = false) {
  std::string bytes;
  caffe2::serialize::PyTorchStreamWriter writer([&](const void* data, size_t size) {
    bytes.append(static_cast<const char*>(data), size);
    return size;
  });
  for (const auto& [name, content] : files) writer.writeRecord(name, content.data(), content.size(), compressed);
  writer.writeEndOfFile();
  return bytes;
}

// A little assembler of pickles.
std::string number(int32_t value) {
  std::string bytes = "J1234";
  std::memcpy(bytes.data() + 1, &value, 4);
  return bytes;
}
std::string long_number(int64_t value) {
  std::string bytes =
      "\x8a\x08"
      "12345678";
  std::memcpy(bytes.data() + 2, &value, 8);
  return bytes;
}
std::string text(const std::string& value) {
  std::string bytes = "X1234" + value;
  const auto size = static_cast<uint32_t>(value.size());
  std::memcpy(bytes.data() + 1, &size, 4);
  return bytes;
}
std::string tuple(const std::vector<std::string>& items) {
  std::string bytes = "(";
  for (const auto& item : items) bytes += item;
  return bytes + "t";
}
std::string call(const std::string& module, const std::string& name, const std::string& arguments) {
  return "c" + module + "\n" + name + "\n" + arguments + "R";
}
std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string bytes = "}(";
  for (const auto& [key, value] : entries) bytes += text(key) + value;
  return bytes + "u";
}
std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }

struct TensorText {
  std::string storage = "FloatStorage";
  std::string file = "0";
  std::string elements = number(6);
  std::string offset = number(0);
  std::string sizes = tuple({number(2), number(3)});
  std::string strides = tuple({number(3), number(1)});
  std::string function = "_rebuild_tensor_v2";

  std::string str() const {
    const auto id = tuple({text("storage"), "ctorch\n" + storage + "\n", text(file), text("cpu"), elements});
    return call("torch._utils", function, tuple({id + "Q", offset, sizes, strides, "\x89", dict({})}));
  }
};

// Six floats, 0 to 5.
std::string six_floats() {
  const float values[] = {0, 1, 2, 3, 4, 5};
  return {reinterpret_cast<const char*>(values), sizeof values};
}

std::string file_of(const std::string& value) {
  return archive_of({{"data.pkl", pickle(value)}, {"data/0", six_floats()}, {"byteorder", "little"}});
}

NamedTensors weights_of_text(const TensorText& tensor) {
  return parse_torch_file(file_of(dict({{"a", tensor.str()}})));
}

std::string refusal(const std::string& bytes) {
  return test::error_of<std::runtime_error>([&] { parse_torch_file(bytes); });
}
std::string tensor_refusal(const TensorText& tensor) { return refusal(file_of(dict({{"a", tensor.str()}}))); }

TEST(TorchFile, GivesTheTensorsThatAPickleDescribes) {
  const auto weights = weights_of_text({});
  ASSERT_EQ(weights.size(), 1U);
  EXPECT_EQ(weights[0].name, "a");
  EXPECT_TRUE(weights[0].tensor.equal(torch::arange(6, torch::kFloat).view({2, 3})));
}

TEST(TorchFile, GivesPartsOfAStorageInAnyOrder) {
  EXPECT_TRUE(weights_of_text({.sizes = tuple({number(3), number(2)}), .strides = tuple({number(1), number(3)})})[0]
                  .tensor.equal(torch::arange(6, torch::kFloat).view({2, 3}).t()));
  EXPECT_TRUE(weights_of_text({.offset = number(4), .sizes = tuple({number(2)}), .strides = tuple({number(1)})})[0]
                  .tensor.equal(torch::tensor({4.F, 5.F})));
}

TEST(TorchFile, GivesParametersAsTensors) {
  const auto parameter = call("torch._utils", "_rebuild_parameter", tuple({TensorText().str(), "\x88", dict({})}));
  EXPECT_EQ(parse_torch_file(file_of(dict({{"a", parameter}})))[0].tensor.numel(), 6);
}

TEST(TorchFile, KeepsOrderAndTypes) {
  NamedTensors weights;
  for (const auto dtype :
       {torch::kBool, torch::kByte, torch::kChar, torch::kShort, torch::kHalf, torch::kBFloat16, torch::kInt,
        torch::kFloat, torch::kDouble, torch::kLong, torch::kComplexFloat, torch::kComplexDouble})
    weights.push_back({c10::toString(dtype), torch::ones({3}).to(dtype)});
  const auto found = parse_torch_file(written(weights));
  ASSERT_EQ(found.size(), weights.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].name, weights[i].name);
    EXPECT_EQ(found[i].tensor.scalar_type(), weights[i].tensor.scalar_type());
    EXPECT_TRUE(found[i].tensor.equal(weights[i].tensor)) << found[i].name;
  }
}

TEST(TorchFile, IsTheSameForTheSameWeights) {
  const NamedTensors weights = {{"a", torch::ones({3})}, {"b", torch::zeros({2, 2})}};
  EXPECT_EQ(written(weights), written(weights));
}

TEST(TorchFile, HasNoRoomForTypesWithoutAStorageClass) {
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { written({{"a", torch::ones({2}).to(torch::kUInt16)}}); }),
              HasSubstr("tensor 'a' is UInt16, which has no storage class in torch"));
}

// --- what is no state_dict ---

TEST(OtherTorchFile, ThatIsACheckpointSaysWhereItsStateDictIs) {
  EXPECT_THAT(
      refusal(file_of(dict({{"epoch", number(3)}, {"model", dict({{"a", TensorText().str()}})}}))),
      HasSubstr(
          "is a checkpoint with a state_dict in 'model': save that alone, torch.save(checkpoint['model'], path)"));
}

TEST(OtherTorchFile, ThatIsAWholeModelSaysWhatToSave) {
  EXPECT_THAT(refusal(file_of(call("models", "Net", ")"))),
              HasSubstr("is no state_dict, but models.Net; torch.save(model.state_dict(), path)"));
}

TEST(OtherTorchFile, RunsNoCodeThatItNames) {
  EXPECT_THAT(refusal(file_of(dict({{"a", call("os", "system", tuple({text("touch x")}))}}))),
              HasSubstr("'a' is no tensor, but os.system, Python's code that is not run"));
}

TEST(OtherTorchFile, WithOtherTensorsNamesTheirKind) {
  EXPECT_THAT(tensor_refusal({.function = "_rebuild_sparse_tensor"}),
              HasSubstr("tensor 'a': is of a kind that is not read here (torch._utils._rebuild_sparse_tensor)"));
  EXPECT_THAT(tensor_refusal({.storage = "QInt8Storage"}),
              HasSubstr("has a storage 'torch.QInt8Storage', which is none"));
}

TEST(OtherTorchFile, ThatIsAProgramSaysSo) {
  EXPECT_THAT(refusal(archive_of({{"data.pkl", pickle("N")}, {"constants.pkl", ""}})),
              HasSubstr("is a TorchScript program"));
  EXPECT_THAT(refusal(archive_of({{"x", "y"}})), HasSubstr("has no data.pkl in it"));
}

TEST(OtherTorchFile, OfABigEndianMachineIsRefused) {
  EXPECT_THAT(refusal(archive_of({{"data.pkl", pickle(dict({}))}, {"byteorder", "big"}})), HasSubstr("big-endian"));
}

TEST(OtherTorchFile, ThatIsCompressedIsRefusedBeforeItTakesMemory) {
  EXPECT_THAT(refusal(archive_of({{"data.pkl", std::string(1 << 20, 'N')}}, true)),
              HasSubstr("'data.pkl' in it is compressed, or larger than the whole file"));
}

// --- damage ---

TEST(DamagedTorchFile, SaysWhichNumbersLieOutsideOfTheFile) {
  EXPECT_THAT(tensor_refusal({.elements = long_number(int64_t{1} << 50)}),
              HasSubstr("tensor 'a': should have 1125899906842624 elements of Float, and its file has 24 bytes"));
  EXPECT_THAT(tensor_refusal({.file = "1"}), HasSubstr("has no file 'data/1'"));
  EXPECT_THAT(tensor_refusal({.storage = "DoubleStorage"}), HasSubstr("should have 6 elements of Double"));
  constexpr const char* kBeyond = "reaches beyond its storage of 6 elements";
  EXPECT_THAT(tensor_refusal({.offset = number(1)}), HasSubstr(kBeyond));
  EXPECT_THAT(tensor_refusal({.sizes = tuple({number(2), number(4)})}), HasSubstr(kBeyond));
  EXPECT_THAT(tensor_refusal({.sizes = tuple({number(2)})}), HasSubstr(kBeyond));
  EXPECT_THAT(tensor_refusal({.strides = tuple({long_number(int64_t{1} << 62), long_number(int64_t{1} << 62)})}),
              HasSubstr(kBeyond));
  EXPECT_THAT(tensor_refusal({.sizes = tuple({long_number(int64_t{1} << 40), long_number(int64_t{1} << 40)}),
                              .strides = tuple({number(0), number(0)})}),
              HasSubstr(kBeyond));
  EXPECT_THAT(tensor_refusal({.sizes = tuple({number(7)}), .strides = tuple({number(0)})}), HasSubstr(kBeyond));
  EXPECT_THAT(tensor_refusal({.offset = number(7), .sizes = tuple({number(0)}), .strides = tuple({number(1)})}),
              HasSubstr(kBeyond));
  EXPECT_THAT(tensor_refusal({.sizes = tuple({number(-2), number(-3)})}),
              HasSubstr("has a size that is no number from 0 on"));
  EXPECT_THAT(tensor_refusal({.strides = tuple({number(-3), number(1)})}), HasSubstr("no number from 0 on"));
  EXPECT_THAT(tensor_refusal({.offset = text("0")}), HasSubstr("no number from 0 on"));
}

TEST(DamagedTorchFile, SaysWhereAPickleIsNone) {
  const auto error = [](const std::string& bytes) { return refusal(archive_of({{"data.pkl", bytes}})); };
  EXPECT_THAT(error(""), HasSubstr("data.pkl, byte 0: ends early"));
  EXPECT_THAT(error("\x80\x04."), HasSubstr("byte 0: is of protocol 4; torch.save writes 2"));
  EXPECT_THAT(error("\x80\x02."), HasSubstr("byte 2: takes a value where there is none"));
  EXPECT_THAT(error("\x80\x02\xff"), HasSubstr("byte 2: is no instruction that torch.save writes"));
  EXPECT_THAT(error("\x80\x02Nt"), HasSubstr("takes values above a mark where there is none"));
  EXPECT_THAT(error("\x80\x02N(\x85."), HasSubstr("takes a value where there is none"));
  EXPECT_THAT(error("\x80\x02h\x05."), HasSubstr("recalls a value that was never kept"));
  EXPECT_THAT(error("\x80\x02}(NuN."), HasSubstr("adds a key without a value"));
  EXPECT_THAT(error("\x80\x02N(NNu."), HasSubstr("adds to what is no list and no dict"));
  EXPECT_THAT(error("\x80\x02X\xff\xff\xff\xff."), HasSubstr("ends early"));
  EXPECT_THAT(error(std::string("\x80\x02\x8a\x09") + std::string(9, 'x') + "."), HasSubstr("larger number"));
  EXPECT_THAT(error("\x80\x02" + std::string(2'000'000, 'N')), HasSubstr("has more values than any state_dict"));
}

TEST(DamagedTorchFile, WhosePickleHoldsItselfEnds) {
  // A dict that is its own value.
  EXPECT_THAT(refusal(file_of("}q\x01" + text("a") + "h\x01s")), HasSubstr("'a' is no tensor"));
  // A parameter of itself.
  EXPECT_THAT(refusal(file_of(dict({{"a", call("torch._utils", "_rebuild_parameter",
                                               "]q\x01h\x01"
                                               "a")}}))),
              HasSubstr("'a'"));
}

TEST(DamagedTorchFile, IsFoundByTheChecksumOfItsFiles) {
  auto bytes = file_of(dict({{"a", TensorText().str()}}));
  bytes[bytes.find(six_floats()) + 5] ^= 1;
  EXPECT_THAT(refusal(bytes), HasSubstr("is damaged"));
}

TEST(DamagedTorchFile, WithTwoOfOneNameIsRefused) {
  EXPECT_THAT(refusal(file_of(dict({{"a", TensorText().str()}, {"a", TensorText().str()}}))),
              HasSubstr("has two tensors 'a'"));
}

TEST(DamagedTorchFile, WithBytesChangedAtRandomGivesTensorsOrAnError) {
  const std::string right = file_of(dict({{"a", TensorText().str()}, {"b", TensorText().str()}}));
  for (unsigned seed = 0; seed < 200; ++seed)
    test::expect_harmless([](const std::string& bytes) { parse_torch_file(bytes); }, test::changed(right, seed));
}

// Checksums would find most changes before the pickle's reader meets them.
TEST(DamagedTorchFile, WhosePickleIsChangedAtRandomGivesTensorsOrAnError) {
  const std::string right = pickle(dict({{"a", TensorText().str()}, {"b", TensorText().str()}}));
  const auto parse = [](const std::string& bytes) {
    for (const auto& [name, tensor] : parse_torch_file(archive_of({{"data.pkl", bytes}, {"data/0", six_floats()}})))
      tensor.sum();
  };
  for (unsigned seed = 0; seed < 1000; ++seed) test::expect_harmless(parse, test::changed(right, seed));
}

TEST(DamagedTorchFile, CutAnywhereIsAnError) {
  const std::string right = file_of(dict({{"a", TensorText().str()}}));
  for (size_t size = 0; size < right.size(); size += 7) EXPECT_NE(refusal(right.substr(0, size)), "no error") << size;
}

}  // namespace
}  // namespace millrace::training::torch_file_test
