// A loader that stopped behind any batch goes on in another process, with another number of workers, as if it had not.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/chain_dataset.h"
#include "millrace/loader/datasets/combinators.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/class_balanced_sampler.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/repeat_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"
#include "millrace/sharing/process/process.h"
#include "millrace/tests/conformance/places.h"
#include "millrace/tests/conformance/probe.h"
#include "millrace/tests/conformance/whole_batches.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::Probe;
using ::testing::UnorderedElementsAreArray;

// --- datasets of each kind; what they give depends on their samples' random streams ---

struct InPlace {
  int64_t n = 0;
  int64_t bad = -1;

  size_t size() const { return static_cast<size_t>(n); }
  SampleSpec spec() const { return {{"index", at::kLong, {}}, {"noise", at::kDouble, {2}}}; }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    if (static_cast<int64_t>(i) == bad) throw std::runtime_error("bad");
    row.set<int64_t>("index", static_cast<int64_t>(i));
    for (auto& noise : row.span<double>("noise")) noise = context.rng().uniform();
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n, bad);
  }
};

struct Gets {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  Example get(size_t i, SampleContext& context) const {
    return {at::randn({3}, context.generator()), at::full({}, static_cast<int64_t>(i), at::kLong)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

struct Sentences {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  Sample get(size_t i, SampleContext& context) const {
    return {{"tokens", at::arange(1 + static_cast<int64_t>(i) % 4)},
            {"text", "sentence " + std::to_string(i)},
            {"noise", context.rng().uniform()}};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

// Part s of the streams has n + s * more numbers; every third call of an odd one throws.
struct Stream {
  int64_t n = 0;
  int64_t more = 0;
  bool troubled = false;
  int64_t given = 0;

  std::optional<Example> next(StreamContext& context) {
    if (given == n + context.shard() * more) return std::nullopt;
    const int64_t number = given++;
    if (troubled && context.shard() % 2 == 1 && number % 3 == 2) throw 7;
    return Example{at::full({2}, 1000 * context.shard() + number, at::kLong),
                   at::full({}, context.rng().uniform(), at::kDouble)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n, more, troubled, given);
  }
};

// As Stream, but goes on from a state.
struct StatefulStream {
  static inline int calls = 0;  // Of next(), in this process.

  Stream stream;

  std::optional<Example> next(StreamContext& context) {
    ++calls;
    return stream.next(context);
  }
  State state() const { return {{"given", stream.given}}; }
  void load_state(const State& state) { stream.given = std::get<int64_t>(state.at("given")); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(stream);
  }
};

// --- loaders of any type, seen as lines of text ---

std::string text_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text.precision(17);
  const auto flat = tensor.to(at::kDouble).reshape({-1});
  text << tensor.sizes();
  for (int64_t i = 0; i < flat.numel(); ++i) text << ' ' << flat[i].item<double>();
  return text.str();
}

std::string text_of(const std::vector<std::string>& strings) {
  std::string text;
  for (const auto& string : strings) text += "'" + string + "'";
  return text;
}

std::string text_of(const std::vector<at::Tensor>& tensors) {
  std::string text;
  for (const auto& tensor : tensors) text += text_of(tensor) + ";";
  return text;
}

std::string text_of(const Batch& batch) {
  std::string text;
  for (const auto& column : batch.columns())
    text += column.name + ": " + std::visit([](const auto& value) { return text_of(value); }, column.value) + "; ";
  for (const int64_t index : batch.indices()) text += " " + std::to_string(index);
  return text;
}

std::string text_of(const std::vector<int64_t>& numbers) {
  std::string text;
  for (const int64_t number : numbers) text += " " + std::to_string(number);
  return text;
}

struct Tested {
  std::shared_ptr<DataLoaderBase> loader;
  std::function<std::string()> next;  // A batch, or what went wrong with it, or the end of an epoch.
};

constexpr const char* kEnd = "end";

template <class B>
Tested tested(std::unique_ptr<TypedDataLoader<B>> made) {
  std::shared_ptr<TypedDataLoader<B>> loader = std::move(made);
  return {loader, [loader]() -> std::string {
            try {
              const auto batch = loader->next();
              return batch ? text_of(*batch) : kEnd;
            } catch (const SampleError& e) {
              return "error: " + e.message();
            }
          }};
}

using Make = std::function<Tested(const DataLoaderOptions&)>;

std::vector<int64_t> lengths(int64_t n) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < n; ++i) lengths.push_back(i * 7 % 10);
  return lengths;
}

/// The options come with the number of workers; each kind adds its own.
const std::map<std::string, Make>& kinds() {
  using O = DataLoaderOptions;
  static const std::map<std::string, Make> kinds = {
      {"InPlace", [](O o) { return tested(make_data_loader(InPlace{17}, o)); }},
      {"InPlaceShuffled", [](O o) { return tested(make_data_loader(InPlace{17}, o.shuffle(true))); }},
      {"DropLast", [](O o) { return tested(make_data_loader(InPlace{17}, o.shuffle(true).drop_last(true))); }},
      {"WithErrors", [](O o) { return tested(make_data_loader(InPlace{17, 5}, o)); }},
      {"SkippingErrors",
       [](O o) { return tested(make_data_loader(InPlace{17, 5}, o.shuffle(true).on_error(OnError::kSkip))); }},
      {"ReplacingErrors",
       [](O o) { return tested(make_data_loader(InPlace{17, 5}, o.shuffle(true).on_error(OnError::kReplace))); }},
      {"Tensors",
       [](O o) {
         return tested(
             make_data_loader(TensorDataset({at::arange(17), at::arange(34).reshape({17, 2})}), o.shuffle(true)));
       }},
      {"StatesWithErrors",
       [](O o) { return tested(make_data_loader(StatefulStream{{7, 1, true}}, o.num_streams(3))); }},
      {"Get", [](O o) { return tested(make_data_loader(Gets{17}, o.shuffle(true))); }},
      {"Ragged", [](O o) { return tested(make_data_loader(Sentences{17}, o.shuffle(true), collate::Ragged{})); }},
      {"WholeBatches", [](O o) { return tested(make_data_loader(testing::WholeBatches{17}, o.shuffle(true))); }},
      {"Streams", [](O o) { return tested(make_data_loader(Stream{7}, o.num_streams(3))); }},
      {"StreamsWithState", [](O o) { return tested(make_data_loader(StatefulStream{{7}}, o.num_streams(3))); }},
      {"StreamsThatEndUnevenly", [](O o) { return tested(make_data_loader(Stream{2, 5}, o.num_streams(3))); }},
      {"StatesThatEndUnevenly", [](O o) { return tested(make_data_loader(StatefulStream{{2, 5}}, o.num_streams(3))); }},
      {"StreamsWithErrors", [](O o) { return tested(make_data_loader(Stream{7, 1, true}, o.num_streams(3))); }},
      {"StreamsSkippingErrors",
       [](O o) { return tested(make_data_loader(Stream{7, 1, true}, o.num_streams(3).on_error(OnError::kSkip))); }},
      {"StreamsDropLast", [](O o) { return tested(make_data_loader(Stream{2, 5}, o.num_streams(3).drop_last(true))); }},
      {"Chain",
       [](O o) { return tested(make_data_loader(ChainDataset<Stream>({{3}, {0}, {5, 2}}), o.num_streams(3))); }},
      {"ChainWithState",
       [](O o) {
         return tested(make_data_loader(ChainDataset<StatefulStream>({{{3}}, {{0}}, {{5, 2}}}), o.num_streams(3)));
       }},
      {"Concat",
       [](O o) { return tested(make_data_loader(ConcatDataset<InPlace>({{5}, {9}, {3}}), o.shuffle(true))); }},
      {"Subset",
       [](O o) { return tested(make_data_loader(Subset<Gets>(Gets{20}, {3, 1, 4, 15, 9, 2, 6}), o.shuffle(true))); }},
      {"Sequential", [](O o) { return tested(make_data_loader(InPlace{17}, SequentialSampler(17), o)); }},
      {"WithReplacement",
       [](O o) {
         return tested(
             make_data_loader(InPlace{17}, RandomSampler(17, {.replacement = true, .num_samples = 40, .seed = 2}), o));
       }},
      {"Weighted",
       [](O o) {
         return tested(
             make_data_loader(InPlace{5}, WeightedRandomSampler({1, 2, 3, 4, 5}, /*num_samples=*/17, true, 3), o));
       }},
      {"Balanced",
       [](O o) {
         const std::vector<int64_t> labels = {0, 0, 0, 1, 1, 2};
         return tested(make_data_loader(InPlace{6}, ClassBalancedSampler(labels, {.num_samples = 17}), o));
       }},
      {"Keyed", [](O o) { return tested(make_data_loader(InPlace{17}, KeyedPermutationSampler(17, /*seed=*/4), o)); }},
      {"Buckets",
       [](O o) {
         return tested(make_data_loader(
             InPlace{17}, BucketBatchSampler(lengths(17), {.batch_size = 4, .boundaries = {3, 6}, .seed = 5}), o));
       }},
      {"Distributed",
       [](O o) {
         return tested(
             make_data_loader(InPlace{41}, DistributedSampler(41, {.rank = 1, .num_replicas = 3, .seed = 6}), o));
       }},
  };
  return kinds;
}

Tested make(const std::string& kind, int64_t workers) {
  return kinds().at(kind)(DataLoaderOptions(4).seed(11).num_workers(workers));
}

// --- the test: one process stops behind every batch, others go on ---

constexpr int kEpochs = 3;

std::string state_file(const std::string& folder, size_t k) { return folder + "/" + std::to_string(k) + ".json"; }

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Runs in a new process. Writes what went wrong, and "done".
void resume_all(const std::string& kind, int64_t workers, const std::string& folder) {
  std::ofstream report(folder + "/report." + std::to_string(workers));
  const auto expected = lines_of(folder + "/expected");
  for (size_t k = 0; k <= expected.size(); ++k) {
    try {
      const Tested resumed = make(kind, workers);
      resumed.loader->load_state_dict(load_state(state_file(folder, k)));
      for (size_t i = k; i < expected.size(); ++i) {
        const std::string got = resumed.next();
        if (got == expected[i]) continue;
        report << "resumed behind " << k << ", line " << i << ": " << got << "\n  instead of " << expected[i] << "\n";
        break;
      }
    } catch (const std::exception& e) {
      report << "resumed behind " << k << ": " << e.what() << "\n";
    }
  }
  report << "done\n";
}

class Resume : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kinds()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Kinds, Resume, ::testing::ValuesIn(names()), [](const auto& kind) { return kind.param; });

TEST_P(Resume, InANewProcessWithOtherWorkersIsAsIfItHadNotStopped) {
  const test::Watchdog watchdog(GetParam(), std::chrono::seconds(120));
  const test::Directory folder;
  const std::string path = folder.path();
  {
    std::ofstream expected(path + "/expected");
    const Tested whole = make(GetParam(), 2);
    size_t k = 0;
    save(whole.loader->state_dict(), state_file(path, k));
    for (int epochs = 0; epochs < kEpochs;) {
      const std::string line = whole.next();
      epochs += line == kEnd ? 1 : 0;
      expected << line << "\n";
      save(whole.loader->state_dict(), state_file(path, ++k));
    }
    ASSERT_GT(k, 6U);
  }
  for (const int64_t workers : {1, 2, 4}) {
    multiprocessing::Process process(StartMethod::kForkServer, &resume_all, GetParam(), workers, path);
    process.start();
    process.join();
    EXPECT_EQ(process.exitcode(), 0);
    EXPECT_EQ(lines_of(path + "/report." + std::to_string(workers)), std::vector<std::string>{"done"})
        << workers << " workers";
  }
}

// --- as completed ---

// Stops while batch 0 is still being read and others behind it were delivered; twice.
TEST(ResumeAsCompleted, GivesWhatWasNotDeliveredAndNothingTwice) {
  const test::Watchdog watchdog("resume as completed", std::chrono::seconds(60));
  const auto options = DataLoaderOptions(4).num_workers(2).prefetch(3).in_order(false).shuffle(true).seed(3);
  int64_t slow = 0;  // The sample that comes first.
  {
    auto loader = make_data_loader(Probe{40}, DataLoaderOptions(4).shuffle(true).seed(3));
    slow = loader->next()->indices().front();
  }
  std::vector<int64_t> delivered;
  LoaderState state;
  for (int stop = 0; stop < 2; ++stop) {
    Probe probe{40, Probe::Trouble::kWait, slow};
    auto loader = make_data_loader(probe, options);
    if (stop > 0) loader->load_state_dict(state);
    for (int i = 0; i < 3; ++i) {
      const auto batch = *loader->next();
      delivered.insert(delivered.end(), batch.indices().begin(), batch.indices().end());
    }
    state = loader_state_from_string(to_string(loader->state_dict()));
    EXPECT_EQ(state.batches, 0);
    EXPECT_EQ(std::ssize(state.ahead), 3 * (stop + 1)) << to_string(state);
    probe.tally.released().store(1);
  }
  EXPECT_EQ(delivered.size(), 24U);
  auto loader = make_data_loader(Probe{40}, options);
  loader->load_state_dict(state);
  const auto rest = testing::epoch_of(*loader).indices;
  delivered.insert(delivered.end(), rest.begin(), rest.end());
  EXPECT_THAT(delivered, UnorderedElementsAreArray(testing::all_but(40, [](int64_t) { return false; })));
  EXPECT_EQ(testing::epoch_of(*loader).indices.size(), 40U);  // The next epoch is whole.
}

// A state that was taken in order goes on as completed, and at every point.
TEST(ResumeAsCompleted, OfStreamsGivesWhatWasNotDelivered) {
  const auto options = DataLoaderOptions(3).num_workers(2).in_order(false).num_streams(3);
  const auto take = [](DataLoader& loader, int64_t batches) {
    std::vector<int64_t> numbers;
    for (; batches > 0; --batches) {
      const auto batch = loader.next();
      if (!batch) break;
      for (int64_t row = 0; row < batch->size(); ++row) numbers.push_back(batch->data()[row][0].item<int64_t>());
    }
    return numbers;
  };
  auto whole = make_data_loader(Stream{7}, options);
  const auto all = take(*whole, 100);
  EXPECT_EQ(all.size(), 21U);
  for (int64_t k = 0; k <= 9; ++k) {
    auto loader = make_data_loader(Stream{7}, options);
    auto delivered = take(*loader, k);
    auto resumed = make_data_loader(Stream{7}, options);
    resumed->load_state_dict(loader->state_dict());
    const auto rest = take(*resumed, 100);
    delivered.insert(delivered.end(), rest.begin(), rest.end());
    EXPECT_THAT(delivered, UnorderedElementsAreArray(all)) << "behind " << k;
  }
}

TEST(ResumeStreams, ThatHaveAStateReadsNothingAgain) {
  const auto options = DataLoaderOptions(2).num_streams(2).prefetch(1);
  auto loader = make_data_loader(StatefulStream{{9}}, options);
  for (int i = 0; i < 6; ++i) loader->next();
  auto resumed = make_data_loader(StatefulStream{{9}}, options);
  resumed->load_state_dict(loader->state_dict());
  StatefulStream::calls = 0;
  EXPECT_EQ(resumed->next()->size(), 2);
  EXPECT_EQ(StatefulStream::calls, 2);
}

// --- other ranks ---

TEST(ResumeWithOtherRanks, VisitsWhatIsLeftOnce) {
  const auto loader_of = [](int64_t rank, int64_t ranks) {
    return make_data_loader(InPlace{60}, DistributedSampler(60, {.rank = rank, .num_replicas = ranks, .seed = 1}),
                            DataLoaderOptions(5).num_workers(1));
  };
  std::vector<int64_t> seen;
  const auto take = [&](DataLoader& loader, int batches) {
    for (; batches > 0; --batches) {
      const auto batch = loader.next();
      if (!batch) return;
      seen.insert(seen.end(), batch->indices().begin(), batch->indices().end());
    }
  };
  LoaderState state;
  for (int64_t rank = 0; rank < 3; ++rank) {
    auto loader = loader_of(rank, 3);
    take(*loader, 2);
    state = loader->state_dict();
  }
  EXPECT_EQ(seen.size(), 30U);
  for (int64_t rank = 0; rank < 2; ++rank) {
    auto loader = loader_of(rank, 2);
    loader->load_state_dict(state);
    take(*loader, 100);
  }
  EXPECT_THAT(seen, UnorderedElementsAreArray(testing::all_but(60, [](int64_t) { return false; })));
}

// --- states that do not fit ---

template <class Loader>
void expect_refused(Loader& loader, const LoaderState& state, const std::string& difference) {
  try {
    loader.load_state_dict(state);
    FAIL() << "no error: " << difference;
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), HasSubstr(difference));
  }
}

TEST(State, OfAnotherLoaderIsRefusedWithTheDifferenceNamed) {
  const DataLoaderOptions options = DataLoaderOptions(4).seed(1);
  auto loader = make_data_loader(InPlace{17}, options);
  loader->next();
  const auto state = loader->state_dict();
  expect_refused(*make_data_loader(InPlace{18}, options), state,
                 "its dataset's number of samples is 18, the state's is 17");
  expect_refused(*make_data_loader(Gets{17}, options), state, "dataset's sample is data: Float [3], target: Long []");
  expect_refused(*make_data_loader(InPlace{17}, DataLoaderOptions(4).seed(2)), state,
                 "its seed is 2, the state's is 1");
  LoaderState later = state;
  later.version = 3;
  expect_refused(*loader, later, "its version is 2, the state's is 3");
  LoaderState negative = state;
  negative.epoch = -1;
  expect_refused(*loader, negative, "epoch is negative");
  LoaderState beyond = state;
  beyond.sampler.position = 18;
  expect_refused(*loader, beyond, "18");
  EXPECT_EQ(loader->next()->indices().front(), 4);  // What was refused changed nothing.
}

TEST(State, OfAnotherOrderIsRefusedByName) {
  const DataLoaderOptions options = DataLoaderOptions(4).seed(1);
  auto in_sequence = make_data_loader(InPlace{17}, options);
  in_sequence->next();
  const auto state = in_sequence->state_dict();
  expect_refused(*make_data_loader(InPlace{17}, DataLoaderOptions(options).shuffle(true)), state,
                 "its order is millrace::RandomSampler, the state's is millrace::SequentialSampler");
  expect_refused(*make_data_loader(InPlace{17}, KeyedPermutationSampler(17, 1), options), state,
                 "its order is millrace::KeyedPermutationSampler, the state's is millrace::SequentialSampler");
  expect_refused(*make_data_loader(InPlace{17}, RepeatSampler(SequentialSampler(17), 2), options), state,
                 "its order is millrace::RepeatSampler of millrace::SequentialSampler, the state's is ");
  auto same = make_data_loader(InPlace{17}, SequentialSampler(17), options);  // What the options mean.
  same->load_state_dict(state);
  EXPECT_EQ(same->next()->indices().front(), 4);
}

// A sampler of the user's own, whose type may be renamed as long as its name() stays.
template <int kVersion>
struct Backwards {
  int64_t at = 16;
  int64_t size() const { return 17; }
  void set_epoch(int64_t) { at = 16; }
  std::optional<int64_t> next() { return at < 0 ? std::nullopt : std::optional(at--); }
};
template <int kVersion>
struct NamedBackwards : Backwards<kVersion> {
  std::string name() const { return "backwards"; }
};

TEST(State, OfASamplerOfOnesOwnIsKnownByItsTypeOrName) {
  auto plain = make_data_loader(InPlace{17}, Backwards<1>(), DataLoaderOptions(4));
  plain->next();
  expect_refused(*make_data_loader(InPlace{17}, Backwards<2>(), DataLoaderOptions(4)), plain->state_dict(),
                 "Backwards<1>");
  auto named = make_data_loader(InPlace{17}, NamedBackwards<1>(), DataLoaderOptions(4));
  named->next();
  auto renamed = make_data_loader(InPlace{17}, NamedBackwards<2>(), DataLoaderOptions(4));
  renamed->load_state_dict(named->state_dict());
  EXPECT_EQ(renamed->next()->indices().front(), 12);
  expect_refused(*renamed, plain->state_dict(), "its order is backwards, the state's is ");
}

// A number that follows from others, or that has limits, changed in a state of a loader that is in epoch 1.
TEST(State, ThatContradictsItselfIsRefusedAndChangesNothing) {
  const auto make = [] { return make_data_loader(InPlace{17}, DataLoaderOptions(4).shuffle(true).seed(1)); };
  auto loader = make();
  loader->set_epoch(2);
  loader->next();
  const auto state = loader->state_dict();
  const std::vector<std::pair<std::function<void(LoaderState&)>, std::string>> changes = {
      {[](auto& s) { s.epoch = 3; }, "its sampler's epoch is 2, but its epoch is 3"},
      {[](auto& s) { s.sampler.epoch = 1; }, "its sampler's epoch is 1, but its epoch is 2"},
      {[](auto& s) { s.sampler.epoch = -1; }, "its sampler's epoch is -1"},
      {[](auto& s) { s.position = 8; }, "its sampler's position is 4, but its position is 8"},
      {[](auto& s) { s.sampler.position = 3; }, "its sampler's position is 3, but its position is 4"},
      {[](auto& s) { s.position = -4; }, "its position is -4"},
      {[](auto& s) { s.batches = -1; }, "its batches is -1"},
      {[](auto& s) { s.batches = 0; }, "its position is 4, but no batch of the epoch was given"},
      {[](auto& s) { s.next_stream = 1; }, "its next_stream is 1, but it has no streams"},
      {[](auto& s) { s.ahead = {-2}; }, "its ahead is -2"},
      {[](auto& s) { s.ahead = {1, 3, 1}; }, "it says twice that batch 1 was given ahead"},
      {[](auto& s) { s.sampler.generator = {1, 2, 3}; }, "the state is of a sampler with a generator"},
  };
  auto resumed = make();
  for (const auto& [change, complaint] : changes) {
    LoaderState changed = state;
    change(changed);
    expect_refused(*resumed, changed, complaint);
  }
  EXPECT_EQ(resumed->epoch(), 0);
  EXPECT_EQ(resumed->next()->indices(), make()->next()->indices());
}

TEST(State, OfStreamsThatContradictsItselfIsRefusedAndChangesNothing) {
  const auto make = [] { return make_data_loader(StatefulStream{{7}}, DataLoaderOptions(4).num_streams(3)); };
  auto loader = make();
  loader->next();
  const auto state = loader->state_dict();
  const std::vector<std::pair<std::function<void(LoaderState&)>, std::string>> changes = {
      {[](auto& s) { s.position = 4; }, "it says where a sampler is"},
      {[](auto& s) { s.sampler.position = 4; }, "it says where a sampler is"},
      {[](auto& s) { s.ahead = {1}; }, "it says where a sampler is"},
      {[](auto& s) { s.batches = 5; }, "its batches is 5, but its streams have given 4 samples at most"},
      {[](auto& s) { s.streams[1].ended = true; }, "a stream at position 0 that has been read"},
      {[](auto& s) { s.streams[0].state.pop_back(); }, "that of its stream 0 is no state of this dataset"},
      {[](auto& s) { s.streams[0].state.push_back(std::byte(0)); }, "that of its stream 0 is no state of this dataset"},
  };
  auto resumed = make();
  for (const auto& [change, complaint] : changes) {
    LoaderState changed = state;
    change(changed);
    expect_refused(*resumed, changed, complaint);
  }
  expect_refused(*make_data_loader(Stream{7}, DataLoaderOptions(4).num_streams(3)), state, "has no state()");
  EXPECT_TRUE(resumed->next()->data().equal(make()->next()->data()));
}

TEST(State, OfAGeneratorThatIsNoneIsRefusedByName) {
  const auto make = [] {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
    return make_data_loader(InPlace{17}, RandomSampler(17, std::move(generator)), DataLoaderOptions(4));
  };
  auto loader = make();
  loader->next();
  LoaderState state = loader->state_dict();
  state.sampler.generator.pop_back();
  expect_refused(*make(), state, "RandomSampler: the state's generator, of ");
}

TEST(State, WithBatchesGivenAheadIsForTheSameBatchSize) {
  auto loader = make_data_loader(InPlace{17}, DataLoaderOptions(4));
  loader->next();
  LoaderState state = loader->state_dict();
  make_data_loader(InPlace{17}, DataLoaderOptions(3))->load_state_dict(state);
  state.ahead = {1};
  expect_refused(*make_data_loader(InPlace{17}, DataLoaderOptions(3)), state, "its batch_size is 3, the state's is 4");
}

TEST(State, OfOtherStreamsIsRefusedWithTheDifferenceNamed) {
  const auto of = [](int64_t streams) {
    return make_data_loader(Stream{7}, DataLoaderOptions(4).num_streams(streams));
  };
  const auto state = of(3)->state_dict();
  expect_refused(*of(4), state, "it is one of 3 streams, this loader has 4: set DataLoaderOptions::num_streams");
  LoaderState by_index = state;
  by_index.streams.clear();
  expect_refused(*of(3), by_index, "read by index");
  LoaderState wild = state;
  wild.next_stream = 3;
  expect_refused(*of(3), wild, "next_stream is 3, but there are 3 streams");
  LoaderState backwards = state;
  backwards.streams[1].position = -4;
  expect_refused(*of(3), backwards, "position -4");
}

TEST(State, ThatIsNoneIsRefusedWithItsFile) {
  const test::Directory folder;
  const std::string path = folder.path() + "/state.json";
  const auto expect_unreadable = [&](const std::string& text, const std::string& complaint) {
    std::ofstream(path) << text;
    try {
      load_state(path);
      FAIL() << "no error: " << complaint;
    } catch (const std::runtime_error& e) {
      EXPECT_THAT(e.what(), HasSubstr(path));
      EXPECT_THAT(e.what(), HasSubstr(complaint));
    }
  };
  expect_unreadable("", "this is no loader state");
  expect_unreadable("{}", "millrace_loader_state");
  std::string text = to_string(LoaderState());
  const std::string version = "\"millrace_loader_state\": 2";
  ASSERT_NE(text.find(version), std::string::npos) << text;
  text.replace(text.find(version), version.size(), "\"millrace_loader_state\": 1");
  expect_unreadable(text, "it has version 1, this Millrace reads version 2: ");
  try {
    load_state(path + ".nowhere");
    FAIL() << "no error";
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("cannot read the loader state"));
  }
}

TEST(State, DoesNotGrowWithTheDataset) {
  const auto bytes = [](int64_t n) {
    auto loader = make_data_loader(InPlace{n}, DataLoaderOptions(4).shuffle(true));
    for (int i = 0; i < 5; ++i) loader->next();
    return to_string(loader->state_dict()).size();
  };
  const size_t small = bytes(100);
  EXPECT_LT(small, 700U);
  EXPECT_LE(bytes(3'000'000), small + 8);  // Its size in digits.
}

}  // namespace
}  // namespace millrace
