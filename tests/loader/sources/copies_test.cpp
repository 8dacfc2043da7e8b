// Datasets, collate functions and batches whose copies would differ, or that cannot travel; and recipes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/loader/datasets_for_tests.h"

namespace millrace::copies_test {
namespace {

using millrace::testing::kInline;
using millrace::testing::Numbers;
using millrace::testing::processes;
using millrace::testing::threads;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// What making a loader throws; "" for nothing.
template <class Error = std::logic_error, class... Arguments>
std::string refusal(Arguments&&... arguments) {
  try {
    make_data_loader(std::forward<Arguments>(arguments)...);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

DataLoaderOptions in_processes() { return processes(StartMethod::kForkServer, 1).options(2); }

struct Forgetful {
  int64_t n = 4;
  int64_t forgotten = 7;

  size_t size() const { return static_cast<size_t>(n); }
  int64_t get(size_t i) const { return static_cast<int64_t>(i) + forgotten; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

TEST(ADatasetThatForgetsAMember, IsRefusedWhereItTravels) {
  EXPECT_THAT(refusal(Forgetful(), in_processes()), HasSubstr("Forgetful visits 1 of its 2 members"));
  EXPECT_EQ(refusal(Forgetful(), threads(1).options(2)), "");
}

/// No aggregate, so that its members cannot be counted.
class Private {
 public:
  Private() = default;
  Private(int64_t n, int64_t offset) : n_(n), offset_(offset) {}
  size_t size() const { return static_cast<size_t>(n_); }
  int64_t get(size_t i, SampleContext& context) const {
    return static_cast<int64_t>(i) + static_cast<int64_t>(context.rng().uniform() * 100) + (i > 2 ? offset_ : 0);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n_);
  }

 private:
  int64_t n_ = 0;
  int64_t offset_ = 7;
};

TEST(CheckCopies, ComparesSamplesWithTheSameSeeds) {
  EXPECT_EQ(refusal(Private(4, 7), in_processes().check_copies(4)), "") << "what is forgotten has its first value";
  EXPECT_THAT(refusal(Private(4, 49), in_processes().check_copies(4)),
              AllOf(HasSubstr("Private"), HasSubstr("serialize"), HasSubstr("sample 3 is another")));
  EXPECT_EQ(refusal(Private(4, 49), in_processes().check_copies(1)), "") << "sample 0 is the same";
  EXPECT_EQ(refusal(Private(4, 49), in_processes()), "") << "it is off";
}

struct Shrinking {
  int64_t n = 4;

  size_t size() const { return static_cast<size_t>(n); }
  int64_t get(size_t i) const { return static_cast<int64_t>(i); }
  template <class Archive>
  void save(Archive&) const {}
  template <class Archive>
  void load(Archive&) {}
};

TEST(CheckCopies, ComparesTheSize) {
  EXPECT_THAT(refusal(Shrinking{5}, in_processes().check_copies(1)), HasSubstr("size() is 4 instead of 5"));
}

struct Plain {
  size_t size() const { return 4; }
  int64_t get(size_t i) const { return static_cast<int64_t>(i); }
};

TEST(CheckCopies, ComparesTheCopyThatWorkersWouldGetWhereThereAreNone) {
  EXPECT_THAT(refusal(Private(4, 49), kInline.options(2).check_copies(4)), HasSubstr("sample 3 is another"));
  EXPECT_THAT(refusal(Forgetful(), kInline.options(2).check_copies(1)), HasSubstr("visits 1 of its 2 members"));
  EXPECT_EQ(refusal(Forgetful(), kInline.options(2)), "") << "it is off";
  EXPECT_EQ(refusal(Forgetful(), threads(1).options(2).check_copies(1)), "") << "threads get no such copy";
  const int64_t more = 5;  // What cannot travel has no copy that could differ.
  const auto collate = [more](std::vector<int64_t>&& samples) { return samples[0] + more; };
  EXPECT_EQ(refusal(Plain(), kInline.options(2).check_copies(2), collate), "");
}

TEST(CheckCopies, TakesRowsAndRecipesAsTheyAre) {
  EXPECT_EQ(refusal(Numbers{6}, in_processes().check_copies(6)), "");
  EXPECT_EQ(refusal(recipe([](int64_t n) { return Numbers{n}; }, 6), in_processes().check_copies(6)), "");
}

struct Countdown {
  int64_t n = 3;
  int64_t step = 1;
  std::optional<int64_t> next(StreamContext&) {
    if (n <= 0) return std::nullopt;
    return n -= step;
  }
  template <class Archive>
  void save(Archive& archive) const {
    archive(n);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(n);
  }
};

TEST(CheckCopies, ComparesStreams) {
  EXPECT_EQ(refusal(Countdown{4, 1}, in_processes().check_copies(9)), "");
  EXPECT_THAT(refusal(Countdown{4, 2}, in_processes().check_copies(1)), HasSubstr("sample 0 is another"));
  EXPECT_THAT(refusal(Countdown{4, 4}, in_processes().check_copies(9)), HasSubstr("ends behind 4 samples, not 1"));
}

/// Every third number, and forgets the step.
struct ForgetfulStream {
  int64_t n = 9;
  int64_t step = 1;
  std::optional<int64_t> next(StreamContext& context) {
    n -= step * context.num_shards();
    return n - context.shard() <= 0 ? std::nullopt : std::optional(n - context.shard());
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

/// A stateful dataset of torch::data, by what it can do.
struct ForgetfulStateful {
  static constexpr bool is_stateful = true;
  int64_t n = 9;
  int64_t step = 1;
  std::optional<std::vector<int64_t>> get_batch(size_t) {
    return (n -= step) < 0 ? std::nullopt : std::optional(std::vector{n});
  }
  void reset() {}
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

TEST(AStreamThatForgetsAMember, IsRefusedWhereItTravels) {
  EXPECT_THAT(refusal(ForgetfulStream{9, 3}, in_processes()), HasSubstr("ForgetfulStream visits 1 of its 2 members"));
  EXPECT_THAT(refusal(ForgetfulStateful{9, 3}, in_processes()),
              HasSubstr("ForgetfulStateful visits 1 of its 2 members"));
  EXPECT_EQ(refusal(ForgetfulStream{9, 3}, threads(1).options(2)), "");
}

/// Collates by a sum and a constant that gets lost.
class Sum {
 public:
  explicit Sum(int64_t lost = 0) : lost_(lost) {}
  int64_t operator()(std::vector<int64_t>&& samples) const {
    int64_t sum = lost_;
    for (const int64_t sample : samples) sum += sample;
    return sum;
  }
  template <class Archive>
  void serialize(Archive&) {}

 private:
  int64_t lost_;
};

TEST(CheckCopies, ComparesWhatTheCollateFunctionMakes) {
  EXPECT_EQ(refusal(Plain(), in_processes().check_copies(2), Sum()), "");
  EXPECT_THAT(refusal(Plain(), in_processes().check_copies(2), Sum(5)), HasSubstr("collate function"));
}

struct ForgetfulSum {
  int64_t first = 0;
  int64_t second = 0;
  int64_t operator()(std::vector<int64_t>&& samples) const { return samples[0] + first + second; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(first);
  }
};

TEST(ACollateFunctionThatForgetsAMember, IsRefusedWhereItTravels) {
  EXPECT_THAT(refusal(Plain(), in_processes(), ForgetfulSum()), HasSubstr("ForgetfulSum visits 1 of its 2 members"));
}

TEST(ACollateFunctionThatCannotTravel, IsNamedWithTheCures) {
  const int64_t more = 5;
  const auto collate = [more](std::vector<int64_t>&& samples) { return samples[0] + more; };
  EXPECT_THAT(refusal<std::invalid_argument>(Plain(), in_processes(), collate),
              AllOf(HasSubstr("this collate function"), HasSubstr("a lambda that captures"), HasSubstr("kThread")));
  EXPECT_EQ(*make_data_loader(Plain(), threads(1).options(2), collate)->next(), 5);
}

/// A batch that has no serialize.
struct Bag {
  std::vector<std::function<int64_t()>> values;
};
Bag bag(std::vector<int64_t>&& samples) {
  Bag bag;
  for (const int64_t sample : samples) bag.values.emplace_back([sample] { return sample; });
  return bag;
}

TEST(ABatchThatCannotTravel, IsGivenWithoutProcesses) {
  for (const auto& mode : {kInline, threads(2)}) {
    auto loader = make_data_loader(Plain(), mode.options(2), bag);
    for (int epoch = 0; epoch < 20; ++epoch) {
      int64_t expected = 0;
      for (auto& batch : *loader) {
        ASSERT_EQ(batch.values.size(), 2u) << mode.name;
        for (const auto& value : batch.values) EXPECT_EQ(value(), expected++) << mode.name;
      }
      EXPECT_EQ(expected, 4) << mode.name;
      for (auto& batch : *loader) {  // Left in the middle: what was prefetched is dropped.
        EXPECT_EQ(batch.values.size(), 2u) << mode.name;
        break;
      }
    }
  }
}

TEST(ABatchThatCannotTravel, IsRefusedWithProcessesAndNamed) {
  for (const auto method : {StartMethod::kForkServer, StartMethod::kFork})
    EXPECT_THAT(refusal<std::invalid_argument>(Plain(), processes(method, 1).options(2), bag),
                AllOf(HasSubstr("Bag"), HasSubstr("serialize"), HasSubstr("no workers")));
  EXPECT_THAT(refusal<std::invalid_argument>(
                  Plain(), in_processes(), +[](std::vector<int64_t>&&) { return std::vector<Bag>(1); }),
              HasSubstr("Bag"))
      << "inside a container, too";
}

/// An example by its members, whose target has no serialize.
struct Bagged {
  int64_t data = 0;
  Bag target;
};
Bagged bagged(std::vector<int64_t>&& samples) { return {samples[0], bag(std::move(samples))}; }

TEST(ABatchThatCannotTravel, MayBeAnExampleForItsTarget) {
  EXPECT_EQ(make_data_loader(Plain(), kInline.options(2), bagged)->next()->target.values.size(), 2u);
  EXPECT_THAT(refusal<std::invalid_argument>(Plain(), in_processes(), bagged),
              AllOf(HasSubstr("Bagged"), HasSubstr("serialize"), HasSubstr("no workers")));
}

TEST(ARecipe, TakesALambda) {
  auto loader =
      make_data_loader(recipe([](int64_t n, int64_t width) { return Numbers{n, width}; }, 4, 2), in_processes());
  int64_t samples = 0;
  for (auto& batch : *loader) samples += batch.size();
  EXPECT_EQ(samples, 4);
}

TEST(ARecipe, TellsHowManySamplesThereAre) {
  EXPECT_EQ(recipe([](int64_t n) { return Numbers{n}; }, 4).size(), 4u);
}

}  // namespace
}  // namespace millrace::copies_test
