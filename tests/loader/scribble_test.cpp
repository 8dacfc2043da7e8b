#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <string>

#include "millrace/loader/data_loader.h"
#include "millrace/tests/loader/datasets_for_tests.h"

namespace millrace::scribble_test {
namespace {

using testing::Numbers;

// Numbers whose reader of sample 55 writes random words to random places of the mappings named `victim`.
struct Scribbler {
  Numbers numbers{100};
  std::string victim;
  uint64_t seed = 0;

  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    numbers.read(i, row, context);
    if (i == 55) scribble();
  }
  void scribble() const {
    std::mt19937_64 random(seed);
    const uint64_t words = uint64_t{1} << random() % 9;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find(victim) == std::string::npos) continue;
      char* end = nullptr;
      const uint64_t first = std::strtoull(line.c_str(), &end, 16);
      const uint64_t last = std::strtoull(end + 1, nullptr, 16);
      for (uint64_t k = 0; k < words; ++k) {
        auto* word = reinterpret_cast<volatile uint64_t*>(first + random() % ((last - first) / 8) * 8);
        const uint64_t value = random();
        constexpr uint64_t kStates = 4;  // Of a range: where the others would be too rare to be met.
        switch (random() % 4) {
          case 0:
            *word = 0;
            break;
          case 1:
            *word = value % 16;
            break;
          case 2:
            *word = (value >> 40) << 32 | (value % kStates) << 24 | value % 8;
            break;
          default:
            *word = value;
        }
      }
    }
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers, victim, seed);
  }
};

enum class End { kRightBytes, kOtherBytes, kCorrupted, kDeath, kOther };

struct Outcome {
  End end = End::kOther;
  std::string text = {};
};

constexpr uint64_t kUnknownYet = 0;

Outcome read_epoch(const Scribbler& dataset, uint64_t right) {
  ::alarm(7);  // Five seconds are promised, and two for the end of the loader.
  auto loader = make_data_loader(dataset, DataLoaderOptions(10).num_workers(2));
  Outcome outcome;
  try {
    testing::Hash hash;
    while (const auto batch = loader->next()) hash.add(*batch);
    outcome = {hash.value() == right ? End::kRightBytes : End::kOtherBytes, std::to_string(hash.value())};
  } catch (const BoardCorrupted& e) {
    outcome = {End::kCorrupted, e.what()};
  } catch (const WorkerDied& e) {
    outcome = {End::kDeath, e.what()};
  } catch (const std::exception& e) {
    outcome = {End::kOther, e.what()};
  }
  loader.reset();
  ::alarm(0);
  return outcome;
}

constexpr uint64_t kSeeds = 100;

TEST(Scribbling, EndsInRightBytesOrInBoardCorruptedOrInADeathAndNothingElse) {
  const uint64_t right = std::stoull(read_epoch({Numbers{100}, "no such mapping", 0}, kUnknownYet).text);
  std::map<End, int> ends;
  static uint64_t first = 0;  // Other seeds where the test is repeated.
  const uint64_t last = first + kSeeds;
  for (uint64_t seed = first; seed < last; ++seed) {
    std::cerr << "[ seed     ] " << seed << "\r";  // The last one is the one that hung.
    const bool board = seed % 4 != 0;
    const auto [end, text] = read_epoch({Numbers{100}, board ? "millrace board" : "millrace batches", seed}, right);
    ++ends[end];
    EXPECT_NE(end, End::kOther) << "seed " << seed << ": " << text;
    if (board) {
      EXPECT_NE(end, End::kOtherBytes) << "seed " << seed;
    }
  }
  first = last;
  std::cout << "[ ends     ] right " << ends[End::kRightBytes] << ", payload " << ends[End::kOtherBytes]
            << ", corrupted " << ends[End::kCorrupted] << ", died " << ends[End::kDeath] << std::endl;
}

}  // namespace
}  // namespace millrace::scribble_test
