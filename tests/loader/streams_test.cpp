#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/chain_dataset.h"
#include "millrace/loader/worker_info.h"
#include "millrace/tests/conformance/places.h"

// Datasets without indices that do not ask which part is their own, in every kind of worker.
namespace millrace::streams_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kSamples = 20;

// Gives all samples, whichever stream it is.
struct Whole {
  int64_t given = 0;
  std::optional<int64_t> next(StreamContext&) { return given < kSamples ? std::optional(given++) : std::nullopt; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(given);
  }
};

// Written for PyTorch: deals out samples among workers.
struct ForWorkers {
  int64_t given = 0;
  std::optional<int64_t> next(StreamContext&) {
    const auto worker = get_worker_info();
    const int64_t number = worker ? given * worker->num_workers + worker->id : given;
    ++given;
    return number < kSamples ? std::optional(number) : std::nullopt;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(given);
  }
};

// The two lines of the message.
struct Parts {
  std::optional<int64_t> next(StreamContext& context) {
    const int64_t number = context.position() * context.num_shards() + context.shard();
    if (number >= kSamples) return std::nullopt;
    return number;
  }
  template <class Archive>
  void serialize(Archive&) {}
};

// Asks once, when it begins, and keeps what it was told in its state.
struct AsksOnce {
  int64_t at = -1;
  int64_t step = 0;
  std::optional<int64_t> next(StreamContext& context) {
    if (step == 0) {
      at = context.shard();
      step = context.num_shards();
    }
    return at < kSamples ? std::optional(std::exchange(at, at + step)) : std::nullopt;
  }
  std::pair<int64_t, int64_t> state() const { return {at, step}; }
  void load_state(const std::pair<int64_t, int64_t>& state) { std::tie(at, step) = state; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(at, step);
  }
};

// Asks how many parts there are, and gives all samples in each.
struct CountsParts {
  int64_t given = 0;
  std::optional<int64_t> next(StreamContext& context) {
    return given < kSamples && context.num_shards() > 0 ? std::optional(given++) : std::nullopt;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(given);
  }
};

// Gives its part, and asks which worker it is for a reason of its own.
struct NamesItsWorker {
  Parts parts;
  std::optional<int64_t> next(StreamContext& context) {
    if (const auto worker = get_worker_info(); worker && worker->id >= worker->num_workers) return std::nullopt;
    return parts.next(context);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(parts);
  }
};

struct Nothing {
  std::optional<int64_t> next(StreamContext&) { return std::nullopt; }
  template <class Archive>
  void serialize(Archive&) {}
};

class Streams : public ::testing::TestWithParam<millrace::testing::Place> {
 protected:
  DataLoaderOptions options() const { return GetParam().options(4); }
};

template <class Loader>
std::vector<int64_t> numbers_of(Loader& loader) {
  std::vector<int64_t> numbers;
  while (const auto batch = loader.next())
    for (int64_t row = 0; row < batch->size(); ++row) numbers.push_back(batch->data()[row].template item<int64_t>());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<int64_t> each_once() {
  std::vector<int64_t> numbers(kSamples);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// What the epoch throws; batches that are given are none.
template <class Loader>
std::vector<std::string> errors_of(Loader& loader) {
  std::vector<std::string> errors;
  for (bool more = true; more;) {
    try {
      more = loader.next().has_value();
      EXPECT_FALSE(more) << "a batch was given";
      if (more) break;
    } catch (const SampleError& e) {
      errors.emplace_back(e.what());
    }
  }
  return errors;
}

TEST_P(Streams, OneThatNeverAsksForItsPartIsAnErrorThatShowsTheLinesToWrite) {
  auto loader = make_data_loader(Whole(), options());
  const auto errors = errors_of(*loader);
  ASSERT_FALSE(errors.empty());
  for (const auto& error : errors)
    EXPECT_THAT(error, AllOf(HasSubstr("std::logic_error"), HasSubstr("is read by 8 streams"),
                             HasSubstr("context.position() * context.num_shards() + context.shard();\n"),
                             HasSubstr("if (number >= samples) return std::nullopt;"),
                             HasSubstr("DataLoaderOptions::num_streams(1)"), Not(HasSubstr("get_worker_info"))));
}

TEST_P(Streams, OneThatNeverAsksIsAnErrorWhereOthersAreSkipped) {
  auto loader = make_data_loader(Whole(), options().on_error(OnError::kSkip));
  EXPECT_FALSE(errors_of(*loader).empty());
}

TEST_P(Streams, OneThatDealsOutAmongWorkersIsToldThatTheyAreNoStreams) {
  auto loader = make_data_loader(ForWorkers(), options());
  const auto errors = errors_of(*loader);
  ASSERT_FALSE(errors.empty());
  EXPECT_THAT(errors.front(), HasSubstr("in the place of get_worker_info(), whose id and num_workers are no stream's"));
}

TEST_P(Streams, TheLinesOfTheMessageGiveEverySampleOnce) {
  auto loader = make_data_loader(Parts(), options());
  EXPECT_EQ(numbers_of(*loader), each_once());
}

TEST_P(Streams, OneStreamNeedNotAsk) {
  auto loader = make_data_loader(Whole(), options().num_streams(1));
  EXPECT_EQ(numbers_of(*loader), each_once());
  EXPECT_EQ(numbers_of(*loader), each_once()) << "in the second epoch";
}

TEST_P(Streams, OneThatAsksHowManyPartsThereAreHasNotAskedForItsOwn) {
  auto loader = make_data_loader(CountsParts(), options());
  const auto errors = errors_of(*loader);
  ASSERT_FALSE(errors.empty());
  EXPECT_THAT(errors.front(), HasSubstr("is read by 8 streams"));
  EXPECT_EQ(numbers_of(*make_data_loader(CountsParts(), options().num_streams(1))), each_once());
}

// Half of the samples were lost without a word.
TEST_P(Streams, OneStreamThatDealsOutAmongSeveralWorkersIsAnError) {
  auto loader = make_data_loader(ForWorkers(), options().num_streams(1));
  if (GetParam().workers < 2) {
    EXPECT_EQ(numbers_of(*loader), each_once());
    return;
  }
  const auto errors = errors_of(*loader);
  ASSERT_FALSE(errors.empty());
  EXPECT_THAT(errors.front(), AllOf(HasSubstr("is one stream, which one of 2 workers reads"),
                                    HasSubstr("DataLoaderOptions::num_workers(1)"), HasSubstr("context.shard();\n")));
  EXPECT_EQ(numbers_of(*make_data_loader(ForWorkers(), options().num_streams(1).num_workers(1))), each_once());
}

TEST_P(Streams, OneStreamThatAskedForItsPartMayAskForItsWorkerToo) {
  EXPECT_EQ(numbers_of(*make_data_loader(NamesItsWorker(), options().num_streams(1))), each_once());
}

TEST_P(Streams, OneThatGivesNothingNeedNotAsk) {
  auto loader = make_data_loader(Nothing(), options());
  EXPECT_FALSE(loader->next());
}

TEST_P(Streams, OneThatWasAskedBeforeItsStateNeedNotAskAgain) {
  const auto make = [&] { return make_data_loader(AsksOnce(), options().batch_size(1).num_streams(2)); };
  auto loader = make();
  for (int i = 0; i < 6; ++i) loader->next();
  const auto state = loader->state_dict();
  auto resumed = make();
  resumed->load_state_dict(state);
  EXPECT_EQ(numbers_of(*resumed), numbers_of(*loader));
}

TEST_P(Streams, AChainOfThoseThatNeverAskIsAnError) {
  auto loader = make_data_loader(ChainDataset<Whole>({Whole(), Whole()}), options());
  EXPECT_FALSE(errors_of(*loader).empty());
}

// torch::data's, by what it can do.
struct Stateful {
  static constexpr bool is_stateful = true;
  int64_t given = 0;
  std::optional<size_t> known = kSamples;

  std::optional<std::vector<int64_t>> get_batch(size_t size) {
    std::vector<int64_t> batch;
    while (batch.size() < size && given < kSamples) batch.push_back(given++);
    return batch.empty() ? std::nullopt : std::optional(batch);
  }
  void reset() { given = 0; }
  std::optional<size_t> size() const { return known; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(given, known);
  }
};

// A stateful dataset that is written for several workers.
struct StatefulForWorkers : Stateful {
  std::optional<std::vector<int64_t>> get_batch(size_t size) {
    const auto worker = get_worker_info();
    return worker && worker->id > 0 ? std::nullopt : Stateful::get_batch(size);
  }
};

TEST_P(Streams, AStatefulDatasetThatDealsOutAmongSeveralWorkersIsAnError) {
  auto loader = make_data_loader(StatefulForWorkers(), options());
  if (GetParam().workers < 2) {
    EXPECT_TRUE(loader->next());
    return;
  }
  EXPECT_THAT(errors_of(*loader), ::testing::Contains(HasSubstr("is one stream, which one of 2 workers reads")));
}

TEST_P(Streams, AStatefulDatasetThatKnowsItsSizeGivesTheLoaderOne) {
  auto loader = make_data_loader(Stateful(), options().batch_size(3));
  EXPECT_EQ(loader->size(), 7);
  int64_t batches = 0;
  while (loader->next()) ++batches;
  EXPECT_EQ(batches, loader->size());
  EXPECT_EQ(make_data_loader(Stateful(), options().batch_size(3).drop_last(true))->size(), 6);
  const auto unknown = make_data_loader(Stateful{0, std::nullopt}, options());
  EXPECT_THROW(unknown->size(), std::logic_error);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Streams, ::testing::ValuesIn(millrace::testing::quickest_places()),
                         millrace::testing::place_name);

}  // namespace
}  // namespace millrace::streams_test
