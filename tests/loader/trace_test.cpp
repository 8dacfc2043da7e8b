// The engine's oracle: what loaders under errors, deaths, resumes and epochs that are left gave, and in which order
// samples were read for it, recorded from the engine of 0.2 before it was cut into parts. Its successors must leave the
// same trace. That of case 60 is a later one: there two samples of a batch are bad and nothing can stand in for the
// second, and the engine of 0.2 ended as BoardCorrupted.
//
// tests/data/traces.txt has a line a case: its number and the FNV-1a of its trace. MILLRACE_TEST_RECORD=FILE writes the
// traces themselves, to be compared by diff.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <regex>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/codec/fnv.h"
#include "millrace/tests/loader/datasets_for_tests.h"
#include "millrace/tests/support/paths.h"

namespace millrace::trace_test {
namespace {

using testing::Mode;

constexpr int kCases = 260;
constexpr int kFirstWithDeaths = 200;  // From here on in worker processes, some of which die.
constexpr size_t kSamples = 37;

// Memory that forked workers share: what was read, in order, and how often each sample has killed its reader.
struct Notes {
  std::atomic<size_t> reads;
  std::array<std::atomic<int64_t>, 4096> read;
  std::array<std::atomic<int>, kSamples> deaths;
};

Notes& notes() {
  static auto* const memory =
      new (::mmap(nullptr, sizeof(Notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Notes();
  return *memory;
}

enum class Trouble : uint8_t { kNone, kThrows, kDies, kDiesOnce };

struct TracedDataset {
  std::array<Trouble, kSamples> troubles = {};

  size_t size() const { return kSamples; }
  SampleSpec spec() const { return {{"data", c10::ScalarType::Long, {}}}; }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    auto& shared = notes();
    shared.read.at(shared.reads.fetch_add(1)) = static_cast<int64_t>(i);
    switch (troubles.at(i)) {
      case Trouble::kNone:
        break;
      case Trouble::kThrows:
        throw std::runtime_error("sample " + std::to_string(i) + " is bad");
      case Trouble::kDiesOnce:
        if (shared.deaths.at(i).fetch_add(1) > 0) break;
        [[fallthrough]];
      case Trouble::kDies:
        ::raise(SIGKILL);
    }
    row.set<int64_t>("data", static_cast<int64_t>(i * 1000 + context.rng()() % 1000));
  }
  std::string describe(size_t i) const { return "traced " + std::to_string(i); }
};

class Case {
 public:
  explicit Case(int number) : random_(static_cast<uint64_t>(number)), with_deaths_(number >= kFirstWithDeaths) {
    options_ = DataLoaderOptions(pick(1, 9));
    options_.seed(pick(0, 99)).prefetch(pick(0, 4)).held(pick(1, 3)).drop_last(pick(0, 3) == 0).retries(pick(0, 2));
    options_.on_error(
        std::array{OnError::kRaise, OnError::kSkip, OnError::kReplace}.at(static_cast<size_t>(pick(0, 2))));
    options_.in_order(pick(0, 3) > 0).shuffle(pick(0, 1) == 0);
    const int64_t errors = pick(0, 6);
    for (int64_t i = 0; i < errors; ++i) dataset_.troubles.at(any_sample()) = Trouble::kThrows;
    if (with_deaths_) add_deaths();
  }

  std::string trace() {
    for (auto& count : notes().deaths) count = 0;
    auto loader = make_data_loader(dataset_, options_);
    std::string saved;
    for (int step = 0; step < 40; ++step) {
      const int64_t action = pick(0, 39);
      if (action == 0) {
        const int64_t epoch = pick(0, 3);
        text_ << "set_epoch " << epoch << "\n";
        loader->set_epoch(epoch);
      } else if (action == 1) {
        saved = to_string(loader->state_dict());
        text_ << "state " << std::hex << fnv1a(std::as_bytes(std::span(saved)), kFnvBegin) << std::dec << "\n";
      } else if (action == 2 && !saved.empty()) {
        text_ << "load\n";
        loader->load_state_dict(loader_state_from_string(saved));
      } else if (action == 3 && !saved.empty()) {
        text_ << "another loads\n";
        loader = make_data_loader(dataset_, options_);
        loader->load_state_dict(loader_state_from_string(saved));
      } else {
        next(*loader);
      }
    }
    const auto stats = loader->stats();
    text_ << "gave " << stats.batches << " batches, " << stats.samples << " samples, " << stats.sample_errors
          << " errors, " << stats.skipped_samples << " skipped, " << stats.replaced_samples << " replaced\n";
    return text_.str();
  }

 private:
  int64_t pick(int64_t low, int64_t high) { return low + static_cast<int64_t>(random_() % uint64_t(high - low + 1)); }
  // Nothing here depends on how far the worker has read: batches come in order, and who dies once only is never given
  // up.
  void add_deaths() {
    options_.num_workers(pick(1, 2)).start_method(StartMethod::kFork).in_order(true);
    const auto trouble = pick(0, 1) == 0 ? Trouble::kDies : Trouble::kDiesOnce;
    if (trouble == Trouble::kDiesOnce) options_.retries(2);
    for (int i = 0; i < 2; ++i) dataset_.troubles.at(any_sample()) = trouble;
  }

  size_t any_sample() { return static_cast<size_t>(pick(0, kSamples - 1)); }

  void next(DataLoader& loader) {
    notes().reads = 0;
    try {
      if (auto batch = loader.next()) {
        text_ << "epoch " << batch->epoch() << ":";
        for (int64_t row = 0; row < batch->size(); ++row)
          text_ << " " << batch->indices()[static_cast<size_t>(row)] << "="
                << (*batch)["data"].const_data_ptr<int64_t>()[row];
      } else {
        text_ << "end of epoch";
      }
    } catch (const std::exception& e) {
      text_ << "error: " << std::regex_replace(e.what(), std::regex("(pid|worker) [0-9]+"), "$1");
    }
    // A worker reads on while we write this; inline, nobody does.
    if (!with_deaths_) {
      text_ << " | read";
      for (size_t i = 0; i < notes().reads; ++i) text_ << " " << notes().read.at(i);
    }
    text_ << "\n";
  }

  std::mt19937_64 random_;
  bool with_deaths_;
  DataLoaderOptions options_;
  TracedDataset dataset_;
  std::ostringstream text_;
};

TEST(Trace, IsThatOfTheEngineInOnePiece) {
  std::map<int, uint64_t> expected;
  std::ifstream file(test::source("tests/data/traces.txt"));
  int number = 0;
  for (uint64_t hash = 0; file >> std::dec >> number >> std::hex >> hash;) expected[number] = hash;
  const char* const record = std::getenv("MILLRACE_TEST_RECORD");
  std::ofstream recorded(record != nullptr ? record : "/dev/null");
  for (int i = 0; i < kCases; ++i) {
    const std::string trace = Case(i).trace();
    recorded << "case " << i << "\n" << trace;
    EXPECT_EQ(fnv1a(std::as_bytes(std::span(trace)), kFnvBegin), expected[i]) << "case " << i << "\n" << trace;
  }
}

}  // namespace
}  // namespace millrace::trace_test
