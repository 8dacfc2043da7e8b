#include "millrace/formats/token_windows.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/tests/formats/damage.h"
#include "millrace/tests/formats/modes.h"
#include "millrace/tests/formats/python_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::token_windows_test {
namespace {

using test::error_of;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

// What write_tokens.py writes.
constexpr int64_t kTokens = 1050, kEnd = 50256;
int64_t token(int64_t i) { return i % 100 == 99 ? kEnd : i * 7919 % 50257; }

struct Window {
  std::vector<int64_t> data;
  std::vector<int64_t> target;
};

Window read(const TokenWindows& windows, size_t i) {
  const SampleSpec spec = windows.spec();
  const auto length = static_cast<size_t>(spec.fields[0].shape[0]);
  Window window{std::vector<int64_t>(length), std::vector<int64_t>(length)};
  std::byte* const rows[] = {reinterpret_cast<std::byte*>(window.data.data()),
                             reinterpret_cast<std::byte*>(window.target.data())};
  SampleRow row(spec, rows);
  SampleContext context(0, -1);
  windows.read(i, row, context);
  return window;
}

std::string text_of(const TokenWindows& windows) {
  std::ostringstream text;
  for (size_t i = 0; i < windows.size(); ++i) {
    const Window window = read(windows, i);
    for (const int64_t each : window.data) text << each << ' ';
    for (const int64_t each : window.target) text << each << ' ';
    text << '\n';
  }
  return text.str();
}

// How many words of a text are others; all of them in a text of another number of words.
ptrdiff_t changed_words(const std::string& text, const std::string& before) {
  const auto words_in = [](const std::string& of) {
    std::istringstream words(of);
    return std::vector<std::string>{std::istream_iterator<std::string>(words), {}};
  };
  const auto now = words_in(text), then = words_in(before);
  if (now.size() != then.size()) return std::ssize(now);
  return std::inner_product(now.begin(), now.end(), then.begin(), ptrdiff_t{0}, std::plus<>(), std::not_equal_to<>());
}

// The window of whole length that begins at a token.
void expect_window(const Window& window, int64_t begin) {
  for (size_t j = 0; j < window.data.size(); ++j) {
    ASSERT_EQ(window.data[j], token(begin + static_cast<int64_t>(j))) << begin << " + " << j;
    ASSERT_EQ(window.target[j], token(begin + static_cast<int64_t>(j) + 1)) << begin << " + " << j;
  }
}

void write_tokens(const std::string& path, const std::vector<uint16_t>& tokens) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(tokens.data()), static_cast<std::streamsize>(2 * tokens.size()));
}

class PythonTokens : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::written_by_python("write_tokens.py", folder_.path())) GTEST_SKIP() << test::kNoLibrary;
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  test::Directory folder_;
};

TEST_F(PythonTokens, WindowsLieSideBySide) {
  for (const char* name : {"nano.bin", "megatron.bin", "wide.bin"}) {
    const TokenWindows windows(path(name), {.length = 64});
    EXPECT_EQ(windows.num_tokens(), static_cast<uint64_t>(kTokens)) << name;
    ASSERT_EQ(windows.size(), 16U) << name;  // 16 windows need 1025 tokens.
    EXPECT_EQ(to_string(windows.spec()), "data: Long [64], target: Long [64]");
    for (size_t i = 0; i < windows.size(); ++i) expect_window(read(windows, i), 64 * static_cast<int64_t>(i));
    EXPECT_EQ(windows.describe(3), path(name) + ", tokens 192 to 256");
    test::expect_the_same_with_workers(windows, "tokens, path: '" + path(name) + "', length: 64");
  }
}

TEST_F(PythonTokens, EachTokenBeginsAWindowWithStride1) {
  const TokenWindows windows(path("nano.bin"), {.length = 50, .stride = 1});
  ASSERT_EQ(windows.size(), 1000U);
  for (const size_t i : {size_t{0}, size_t{1}, size_t{777}, size_t{999}})
    expect_window(read(windows, i), static_cast<int64_t>(i));
}

TEST_F(PythonTokens, AKeptDocumentIsFilledUpAndLeftByNoWindow) {
  TokenWindowsOptions options{.length = 64, .documents = Documents::kKept, .padding = 7};
  const TokenWindows by_index(path("megatron.bin"), options);
  options.separator = kEnd;
  const TokenWindows by_separator(path("nano.bin"), options);
  EXPECT_EQ(text_of(by_index), text_of(by_separator));

  ASSERT_EQ(by_index.size(), 21U);  // 10 documents of 100 tokens, and one of 50.
  expect_window(read(by_index, 2), 100);
  const Window last = read(by_index, 3);  // Tokens 164 to 199.
  for (size_t j = 0; j < 64; ++j) {
    EXPECT_EQ(last.data[j], j < 35 ? token(164 + static_cast<int64_t>(j)) : 7) << j;
    EXPECT_EQ(last.target[j], j < 35 ? token(165 + static_cast<int64_t>(j)) : -100) << j;
  }
  EXPECT_THAT(by_index.describe(3), EndsWith("megatron.bin, tokens 164 to 199"));
  test::expect_the_same_with_workers(
      by_index, "tokens, path: '" + path("megatron.bin") + "', length: 64, documents: kept, padding: 7");
}

TEST_F(PythonTokens, EveryTokenButTheFirstOfADocumentIsATarget) {
  for (const int64_t length : {1, 10, 33, 98, 99, 100, 200})
    for (const int64_t stride : {int64_t{1}, length / 2 + 1, length}) {
      const TokenWindows windows(path("megatron.bin"),
                                 {.length = length, .stride = stride, .documents = Documents::kKept});
      std::vector<bool> seen(kTokens);
      for (size_t i = 0; i < windows.size(); ++i) {
        const std::string name = windows.describe(i);
        const auto begin = std::stoul(name.substr(name.rfind("tokens ") + 7));
        const Window window = read(windows, i);
        ASSERT_NE(window.target[0], -100) << "a window without a target: " << name;
        for (size_t j = 0; j < window.target.size() && window.target[j] != -100; ++j) {
          ASSERT_EQ(window.target[j], token(static_cast<int64_t>(begin + j + 1))) << name;
          seen[begin + j + 1] = true;
        }
      }
      for (size_t i = 0; i < seen.size(); ++i)
        EXPECT_EQ(seen[i], i % 100 != 0) << i << " of " << length << ", " << stride;
    }
}

TEST_F(PythonTokens, DamagedFilesAreErrorsByName) {
  constexpr const char* kPlace = "at (byte|place) [0-9]+|sequence [0-9]+";
  const auto read_all = [&] { return text_of(TokenWindows(path("megatron.bin"), {.length = 64})); };
  test::expect_errors_or_the_right_samples(path("megatron.idx"), {200, 151, kPlace}, read_all);
  // A file of tokens alone has no checksum: what is found out is its length. Of the tokens no others are changed than
  // those that were damaged, of which each is read as data and as a target.
  test::expect_errors_by_name(path("megatron.bin"), {50, 50, kPlace}, read_all,
                              [](const std::string& samples, const std::string& right) {
                                return changed_words(samples, right) <= 2 * ptrdiff_t{test::kMostChanges};
                              });
  const auto read_kept = [&] {
    return text_of(TokenWindows(path("megatron.bin"), {.length = 64, .documents = Documents::kKept}));
  };
  test::expect_errors_or_the_right_samples(path("megatron.idx"), {200, 151, kPlace}, read_kept);
}

TEST(TokenWindows, RefusesWhatDoesNotFit) {
  const test::Directory folder;
  const std::string path = folder.path() + "/x.bin";
  write_tokens(path, {1, 2, 3, 60000, 5});
  const auto error = [&](const TokenWindowsOptions& options) { return error_of([&] { TokenWindows(path, options); }); };
  EXPECT_EQ(error({.length = 0}), "TokenWindows: length is 0, it goes from 1 to 2^40");
  EXPECT_EQ(error({.length = 4, .stride = 5}), "TokenWindows: stride is 5, it goes from 1 to length, 4");
  EXPECT_EQ(error({.length = 4, .dtype = c10::kFloat}),
            "TokenWindows: tokens of type Float are none: take an integer type");
  EXPECT_EQ(error({.length = 5}),
            "tokens: '" + path + "' has 5 tokens, too few for a window of 5 and the one behind it");
  EXPECT_EQ(
      error({.length = 4, .dtype = c10::kInt}),
      "tokens: '" + path +
          "' has 10 bytes, no multiple of the 4 that a token of type Int takes; copy it again, or give its dtype");
  EXPECT_THAT(error({.length = 4, .documents = Documents::kKept}),
              HasSubstr("has no .idx file beside it that says where documents end; give the token that does"));
  EXPECT_EQ(error_of([&] { TokenWindows(folder.path() + "/no.bin"); }),
            "tokens: cannot read '" + folder.path() + "/no.bin': No such file or directory");
  EXPECT_EQ(error_of([&] { read(TokenWindows(path, {.length = 4, .vocabulary = 50257}), 0); }),
            "tokens: '" + path +
                "' has token 60000 at place 3, the vocabulary has 0 to 50256; give the dtype that the file has, or "
                "write it again");
  EXPECT_THAT(error_of([&] { read(TokenWindows(path, {.length = 4, .dtype = c10::kShort}), 0); }),
              HasSubstr("has token -5536 at place 3"));
  EXPECT_EQ(error_of([&] { read(TokenWindows(path, {.length = 4}), 1); }),
            "TokenWindows: index 1 is outside a dataset of 1 sample");
}

TEST(TokenWindows, AFileThatBecameShorterIsAnErrorAndNotTheEnd) {
  const test::Directory folder;
  const std::string path = folder.path() + "/x.bin";
  write_tokens(path, std::vector<uint16_t>(100'000, 3));
  const TokenWindows windows(path, {.length = 1000});
  std::filesystem::resize_file(path, 10);
  EXPECT_EQ(error_of([&] { read(windows, 90); }),
            "tokens: '" + path + "' has changed since it was opened; make the dataset anew");
  EXPECT_EQ(error_of([&] { test::travelled(windows); }),
            "TokenWindows do not fit their file, which may have become shorter");
}

}  // namespace
}  // namespace millrace::token_windows_test
