// Where a loader's state is read from. What is in it is tested with the loaders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/state.h"
#include "millrace/sharing/os/whole_number.h"
#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"

namespace millrace::state_file_test {
namespace {

using millrace::test::Directory;
using millrace::test::error_of;
using ::testing::HasSubstr;

TEST(StateFile, FifoIsRefusedByKindWithoutWaiting) {
  const Directory directory;
  const std::string path = directory.path() + "/state";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { load_state(path); }),
            "cannot read the loader state " + path + ": a FIFO, not a regular file");
}

TEST(StateFile, SparseFileIsRefusedBySize) {
  const Directory directory;
  directory.write("state", "{");
  std::filesystem::resize_file(directory.path() + "/state", 3'000'000'000);
  EXPECT_THAT(error_of([&] { load_state(directory.path() + "/state"); }),
              HasSubstr("a file of 3000000000 bytes, over the limit"));
}

TEST(StateFile, IsWrittenAndReadInHomeFolders) {
  const Directory directory;
  const test::Environment home("HOME", directory.path());
  LoaderState state;
  state.seed = 17;
  save(state, "~/state");
  EXPECT_TRUE(std::filesystem::exists(directory.path() + "/state"));
  EXPECT_EQ(load_state("~/state").seed, 17U);
}

TEST(StateFile, HexadecimalTextThatEndsInAnotherLetterIsRefused) {
  LoaderState state;
  state.sampler.generator = {0x1f};
  std::string text = to_string(state);
  text.replace(text.find("\"1f\"") + 1, 2, "1z");
  EXPECT_THAT(error_of([&] { loader_state_from_string(text); }), HasSubstr("'1z' in a hexadecimal text"));
}

TEST(StateFile, NumbersThatAreNotWholeOrDoNotFitAreRefusedByName) {
  const auto with = [](const std::string& field, const std::string& number) {
    std::string text = to_string(LoaderState());
    const auto at = text.find('"' + field + "\": ");
    const auto begin = at + field.size() + 4;
    text.replace(begin, text.find_first_of(",\n", begin) - begin, number);
    return error_of([&] { loader_state_from_string(text); });
  };
  for (const char* number : {"1.0", "0.5", "1e3", "true", "\"0\"", "null", "9223372036854775808", "-0.0"})
    EXPECT_THAT(with("batches", number), HasSubstr("'batches' is ")) << number;
  for (const char* number : {"-1", "18446744073709551616", "1.5"})
    EXPECT_THAT(with("seed", number), HasSubstr("'seed' is ")) << number;
}

TEST(StateFile, OfTheOldVersionIsRefusedByName) {
  const Directory directory;
  directory.write("state",
                  R"({"ahead": [], "batches": 1, "dataset": {"fields": "x: Long []", "samples": 17}, "epoch": 0,
    "millrace_loader_state": 1, "next_stream": 0, "position": 4,
    "sampler": {"epoch": 0, "generator": "", "position": 4}, "seed": 0, "streams": []})");
  const std::string path = directory.path() + "/state";
  EXPECT_EQ(error_of([&] { load_state(path); }),
            path +
                ": this is no loader state: it has version 1, this Millrace reads version 2: go on with the Millrace "
                "that wrote it, or begin an epoch anew");
}

TEST(StateFile, MayBeFormattedAnewAndHaveItsFieldsInAnotherOrder) {
  LoaderState state;
  state.seed = 17;
  std::vector<std::string> fields;  // Those of one line, which are all but "dataset" and "sampler".
  std::istringstream lines(to_string(state));
  std::string rest;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(" \"seed\""))
      fields.push_back(line);
    else if (line != "{")
      rest += "\t" + line + "\r\n";
  }
  ASSERT_EQ(fields.size(), 1U);
  EXPECT_EQ(loader_state_from_string("{" + fields[0] + rest).seed, 17U);
}

// States of each kind, as a loader writes them.
std::vector<std::string> texts_of_states() {
  LoaderState sampled;
  sampled.samples = 100;
  sampled.fields = "image: Byte [3, 4, 4], label: Long []";
  sampled.order = "millrace::RandomSampler";
  sampled.seed = 11;
  sampled.epoch = sampled.sampler.epoch = 3;
  sampled.batches = 5;
  sampled.position = sampled.sampler.position = 40;
  sampled.batch_size = 8;
  LoaderState drawn = sampled;
  drawn.sampler.generator = {1, 2, 3, 0xfe};
  drawn.ahead = {1, 4};
  LoaderState streams;
  streams.fields = "packed";
  streams.order = "streams";
  streams.batches = 3;
  streams.streams = {{8, false, {std::byte(7), std::byte(0)}}, {4, true, {}}, {0, false, {}}};
  streams.next_stream = 1;
  LoaderState later = sampled;
  later.batches = 6;
  later.position = later.sampler.position = 48;
  return {to_string(sampled), to_string(drawn), to_string(streams), to_string(later)};
}

uint64_t seed_of_changes() {
  const char* const given = std::getenv("MILLRACE_STATE_SEED");
  const auto seed = detail::whole_number<uint64_t>(given != nullptr ? given : "");
  return seed ? *seed : std::random_device{}();
}

// One change: of a byte, of a digit, of a line for one of another state's, of the end.
std::string changed(const std::string& text, const std::vector<std::string>& others, std::mt19937_64& random) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  std::string result = text;
  const size_t at = below(text.size());
  switch (below(7)) {
    case 0:
      result[at] = static_cast<char>(' ' + below(95));
      break;
    case 1: {
      const size_t digit = text.find_first_of("0123456789", at);
      if (digit != text.npos) result[digit] = static_cast<char>('0' + below(10));
      break;
    }
    case 2:
      result.erase(at, 1 + below(3));
      break;
    case 3:
      result.insert(at, 1, "0123456789-.e ,\"x"[below(17)]);
      break;
    case 4:
      result.resize(at);
      break;
    case 5:
      std::swap(result[at], result[below(text.size())]);
      break;
    default: {
      const auto line_at = [](const std::string& of, size_t place) {
        const size_t begin = place == 0 ? 0 : of.rfind('\n', place - 1) + 1;  // A line has the LF at its end.
        return std::pair(begin, std::min(of.find('\n', place), of.size()) - begin);
      };
      const std::string& other = others[below(others.size())];
      const auto [begin, size] = line_at(text, at);
      const auto [other_begin, other_size] = line_at(other, below(other.size()));
      result.replace(begin, size, other.substr(other_begin, other_size));
    }
  }
  return result;
}

TEST(StateFile, ThatWasChangedIsRefusedByNameAndNeverTakenForAnother) {
  const uint64_t seed = seed_of_changes();
  std::cout << "seed " << seed << " (MILLRACE_STATE_SEED)\n";
  std::mt19937_64 random(seed);
  const Directory directory;
  const std::string path = directory.path() + "/state";
  const auto texts = texts_of_states();
  int refused = 0;
  for (int i = 0; i < 6000; ++i) {
    const std::string& text = texts[static_cast<size_t>(i) % texts.size()];
    const std::string other = changed(text, texts, random);
    directory.write("state", other);
    try {
      EXPECT_EQ(to_string(load_state(path)), text) << "taken from\n" << other;
    } catch (const std::runtime_error& e) {
      ++refused;
      ASSERT_THAT(e.what(), HasSubstr(path + ": this is no loader state: ")) << other;
    }
  }
  EXPECT_GT(refused, 4500);  // The others are as they were, or changed in their white space.
}

}  // namespace
}  // namespace millrace::state_file_test
