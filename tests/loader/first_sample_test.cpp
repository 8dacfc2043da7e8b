// Who reads the sample that shows what all look like, and what becomes of a loader when that goes wrong.

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/tests/conformance/probe.h"
#include "millrace/tests/support/seed.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace::first_sample_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Probe;
using testing::wait_until;
using Trouble = Probe::Trouble;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A dataset without spec(): a sample is its index and the process that read it.
struct Shown {
  Probe probe;
  size_t size() const { return probe.size(); }
  Example get(size_t i) const {
    probe.look_at(i);
    probe.tally.read().fetch_add(1);
    return {at::full({1}, static_cast<int64_t>(i), at::kLong), at::full({1}, int64_t{::getpid()}, at::kLong)};
  }
  std::string describe(size_t i) const { return probe.describe(i); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(probe);
  }
};

// The same, in batches of one value.
struct Packed {
  Probe probe;
  size_t size() const { return probe.size(); }
  std::string get(size_t i) const {
    probe.look_at(i);
    return std::to_string(i);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(probe);
  }
};

// What next() throws, or which samples it gives.
template <class Loader>
std::string next_of(Loader& loader) {
  try {
    const auto batch = loader.next();
    if (!batch) return "end";
    std::string samples;
    for (int64_t row = 0; row < batch->size(); ++row)
      samples += (row ? " " : "") + std::to_string(batch->data()[row].template item<int64_t>());
    return samples;
  } catch (const SampleError& e) {
    return "SampleError " + std::to_string(e.index()) + ", " + e.path() + ": " + e.message();
  } catch (const WorkerDied& e) {
    return "WorkerDied " + e.doing();
  } catch (const WorkerStartError& e) {
    return std::string("WorkerStartError ") + e.what();
  } catch (const LoaderTimeout& e) {
    return std::string("LoaderTimeout ") + e.what();
  } catch (const BoardCorrupted& e) {
    return std::string("BoardCorrupted ") + e.what();
  }
}

class FirstSample : public ::testing::TestWithParam<StartMethod> {
 protected:
  static DataLoaderOptions options() { return DataLoaderOptions(2).num_workers(2).start_method(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(StartMethods, FirstSample, test::every_start_method(), test::start_method_name);

TEST_P(FirstSample, IsReadByAWorkerAndNotByTheTrainer) {
  auto loader = make_data_loader(Shown{Probe{4}}, options());
  EXPECT_EQ(to_string(loader->spec()), "data: Long [1], target: Long [1]");
  while (const auto batch = loader->next()) EXPECT_NE(batch->target()[0].item<int64_t>(), ::getpid());
}

TEST_P(FirstSample, IsNotWaitedForWhenALoaderIsMade) {
  const Probe probe{4, Trouble::kWait, 0};
  auto loader = make_data_loader(Shown{probe}, options().timeout(milliseconds(100)));
  EXPECT_EQ(loader->size(), 2);
  EXPECT_EQ(loader->epoch(), 0);
  EXPECT_EQ(loader->worker_pids().size(), 2U);
  EXPECT_TRUE(wait_until([&] { return probe.tally.troubles().load() > 0; }));
  EXPECT_THAT(next_of(*loader), HasSubstr("LoaderTimeout timeout: no batch within 100 ms: worker 0 (pid "));
  const std::string again = next_of(*loader);
  EXPECT_THAT(again, HasSubstr("reads sample 0 (probe 0), which shows what samples look like, for "));
  probe.tally.released().store(1);
  EXPECT_TRUE(wait_until([&] { return next_of(*loader) == "0 1"; }));
}

TEST_P(FirstSample, ThatThrowsIsToldInItsTurn) {
  auto loader = make_data_loader(Shown{Probe{4, Trouble::kThrow, 0}}, options());
  EXPECT_EQ(next_of(*loader), "SampleError 0, probe 0: no such probe");
  EXPECT_EQ(next_of(*loader), "2 3");
  EXPECT_EQ(next_of(*loader), "end");
}

TEST_P(FirstSample, ThatThrowsIsSkippedAsAnyOther) {
  auto loader = make_data_loader(Shown{Probe{4, Trouble::kThrow, 0}}, options().on_error(OnError::kSkip));
  EXPECT_EQ(next_of(*loader), "1");
  EXPECT_EQ(loader->stats().skipped_samples, 1U);
}

TEST_P(FirstSample, ThatKillsItsReaderKillsNoTrainer) {
  auto loader = make_data_loader(Shown{Probe{4, Trouble::kKill, 0}}, options().retries(0));
  EXPECT_THAT(next_of(*loader), HasSubstr("WorkerDied reading sample 0 (probe 0)"));
  EXPECT_EQ(next_of(*loader), "2 3");
  EXPECT_EQ(loader->stats().worker_deaths, 2U) << "one died for the spec, and one for the batch";
}

TEST_P(FirstSample, ThatIsStuckIsLeftBehindAfterSampleTimeout) {
  auto loader =
      make_data_loader(Shown{Probe{4, Trouble::kStop, 0}}, options().retries(0).sample_timeout(milliseconds(200)));
  EXPECT_THAT(next_of(*loader), HasSubstr("WorkerDied reading sample 0 (probe 0), where it was stuck for "));
  EXPECT_EQ(next_of(*loader), "2 3");
}

TEST_P(FirstSample, WhenNoneCanBeReadIsTheErrorOfEachCall) {
  const Probe probe{20, Trouble::kThrow, 0, 1};
  auto loader = make_data_loader(Shown{probe}, options());
  EXPECT_EQ(next_of(*loader), "SampleError 0, probe 0: no such probe");
  EXPECT_EQ(probe.tally.troubles().load(), 8) << "the first eight were tried";
  EXPECT_EQ(next_of(*loader), "SampleError 0, probe 0: no such probe");
  EXPECT_THROW(loader->spec(), SampleError);
  EXPECT_THROW(loader->set_epoch(1), SampleError);
  EXPECT_EQ(probe.tally.troubles().load(), 8);
}

TEST_P(FirstSample, WhenNoneCanBeReadWithoutDyingIsWorkerDied) {
  auto loader = make_data_loader(Shown{Probe{20, Trouble::kExit, 0, 1}}, options());
  EXPECT_THAT(next_of(*loader), HasSubstr("WorkerDied reading sample 0 (probe 0)"));
  EXPECT_EQ(loader->stats().worker_deaths, 8U);
}

TEST_P(FirstSample, OfPackedBatchesMayBeUnreadableSinceRoomCanBeGuessed) {
  auto loader = make_data_loader(Packed{Probe{20, Trouble::kThrow, 0, 1}}, options(), collate::List{});
  EXPECT_EQ(loader->spec().fields.size(), 1U);
  EXPECT_THROW(loader->next(), SampleError);
}

TEST_P(FirstSample, OfAnEmptyDatasetIsNotAskedFor) {
  auto loader = make_data_loader(Shown{Probe{0}}, options());
  EXPECT_THAT(loader->spec().fields, IsEmpty());
  EXPECT_EQ(next_of(*loader), "end");
}

int64_t inits_before = 0;  // Of this worker.

// A sample is how often the init function has run before it.
struct Inits {
  size_t size() const { return 4; }
  Example get(size_t) const {
    if (inits_before == 0) throw std::logic_error("before worker_init_fn");
    return {at::full({1}, inits_before, at::kLong), at::full({1}, get_worker_info().value().num_workers, at::kLong)};
  }
  template <class Archive>
  void serialize(Archive&) {}
};

TEST_P(FirstSample, IsReadBehindTheInitFunctionWhichRunsOnce) {
  auto loader = make_data_loader(Inits{}, options().worker_init_fn([](const WorkerInfo&) { ++inits_before; }));
  EXPECT_EQ(next_of(*loader), "1 1");
  EXPECT_EQ(next_of(*loader), "1 1");
}

// Sleeps for longer than a sample may be read.
void slow_init(const WorkerInfo&) { std::this_thread::sleep_for(milliseconds(4500)); }

TEST_P(FirstSample, WaitsForASlowInitFunctionWhichIsToldByItsName) {
  auto loader = make_data_loader(
      Shown{Probe{4}},
      options().worker_init_fn(slow_init).sample_timeout(milliseconds(4000)).timeout(milliseconds(50)));
  EXPECT_TRUE(wait_until([&] { return next_of(*loader).find("runs worker_init_fn for ") != std::string::npos; }));
  EXPECT_TRUE(wait_until([&] { return next_of(*loader) == "0 1"; }));
  EXPECT_EQ(loader->stats().worker_deaths, 0U) << "time in worker_init_fn counted as a sample's";
}

TEST_P(FirstSample, IsNotBlamedForADeathInTheInitFunction) {
  auto loader =
      make_data_loader(Shown{Probe{4}}, options().worker_init_fn([](const WorkerInfo&) { ::raise(SIGKILL); }));
  EXPECT_EQ(next_of(*loader), "WorkerDied running worker_init_fn");
}

struct NotBuilt {
  size_t size() const { return 4; }
  at::Tensor get(size_t) const { return at::full({1}, 0, at::kLong); }
  int64_t number = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number);
    if constexpr (Archive::is_loading::value) throw std::runtime_error("no such dataset");
  }
};

TEST_P(FirstSample, OfADatasetThatCannotBeBuiltIsAWorkerStartError) {
  if (GetParam() == StartMethod::kFork) GTEST_SKIP() << "it is there already";
  auto loader = make_data_loader(NotBuilt{}, options());
  for (int call = 0; call < 2; ++call)
    EXPECT_THAT(next_of(*loader), HasSubstr("WorkerStartError worker 0 (pid ")) << "in call " << call;
  EXPECT_THAT(next_of(*loader), HasSubstr("could not build its dataset: std::runtime_error: no such dataset"));
}

TEST_P(FirstSample, IsNotWaitedForByTheLoadersEnd) {
  const Probe probe{4, Trouble::kWait, 0};
  auto loader = make_data_loader(Shown{probe}, options());
  std::vector<PidFd> workers;
  for (const pid_t pid : loader->worker_pids()) workers.push_back(PidFd::open(pid));
  EXPECT_TRUE(wait_until([&] { return probe.tally.troubles().load() > 0; }));
  loader.reset();
  for (const auto& worker : workers) EXPECT_TRUE(worker.wait_ended(seconds(0))) << "a worker is left";
}

TEST_P(FirstSample, CanBeLostWithItsWorkerAtAnyMoment) {
  std::mt19937_64 random(test::test_seed());
  for (int round = 0; round < 8; ++round) {
    auto loader = make_data_loader(Shown{Probe{8}}, options());
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 8000));
    for (const pid_t pid : loader->worker_pids())
      if (random() % 2) ::kill(pid, SIGKILL);
    for (const char* expected : {"0 1", "2 3", "4 5", "6 7", "end"}) EXPECT_EQ(next_of(*loader), expected);
  }
}

TEST_P(FirstSample, OfAForkedChildIsTheParentsToAskFor) {
  const Probe probe{4, Trouble::kWait, 0};
  auto loader = make_data_loader(Shown{probe}, options());
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      loader->next();
    } catch (const std::logic_error&) {
      loader.reset();  // Which must not end the parent's workers.
      code = 0;
    }
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  probe.tally.released().store(1);
  EXPECT_EQ(next_of(*loader), "0 1");
}

// Writes to descriptors that are not its own, while the first sample is read.
struct Scribbler {
  size_t size() const { return 4; }
  at::Tensor get(size_t) const {
    for (int fd = 3; fd < 64; ++fd) static_cast<void>(!::write(fd, "garbage", 7));
    return at::full({1}, 0, at::kLong);
  }
  template <class Archive>
  void serialize(Archive&) {}
};

TEST_P(FirstSample, OfADatasetThatWritesToTheLoadersSocketIsBoardCorrupted) {
  auto loader = make_data_loader(Scribbler{}, options());
  const std::string what = next_of(*loader);
  EXPECT_THAT(what, HasSubstr("BoardCorrupted worker 0 sent the loader what no worker of ours sends"));
  EXPECT_EQ(next_of(*loader), what);
}

// Closes what is not its own while sample 0 is read, and goes on for ever.
struct Closer {
  Probe probe;
  size_t size() const { return probe.size(); }
  at::Tensor get(size_t i) const {
    if (i == 0 && probe.tally.troubles().fetch_add(1) == 0) {
      for (int fd = 3; fd < 256; ++fd) ::close(fd);
      for (;;) ::pause();
    }
    return at::full({1}, static_cast<int64_t>(i), at::kLong);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(probe);
  }
};

TEST_P(FirstSample, WhoseReaderHangsUpAndLivesOnIsAskedOfAnother) {
  auto loader = make_data_loader(Closer{Probe{4}}, options());
  EXPECT_EQ(next_of(*loader), "0 1");
  EXPECT_EQ(loader->stats().worker_deaths, 1U);
}

// Forks where it is built, and lets the child come back.
struct Forker {
  int64_t number = 0;
  size_t size() const { return 4; }
  at::Tensor get(size_t i) const { return at::full({1}, static_cast<int64_t>(i), at::kLong); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number);
    if constexpr (Archive::is_loading::value) static_cast<void>(::fork());
  }
};

TEST_P(FirstSample, OfADatasetThatForksWhereItIsBuiltIsReadByTheWorkerAlone) {
  if (GetParam() == StartMethod::kFork) GTEST_SKIP() << "it is there already";
  for (int round = 0; round < 4; ++round) {
    auto loader = make_data_loader(Forker{}, options().timeout(seconds(10)));
    EXPECT_EQ(next_of(*loader), "0 1");
    EXPECT_EQ(next_of(*loader), "2 3");
  }
}

// --- without worker processes ---

TEST(FirstSampleOfTheTrainer, ThatThrowsIsToldInItsTurn) {
  for (const int workers : {0, 2}) {
    auto loader = make_data_loader(Shown{Probe{4, Trouble::kThrow, 0}},
                                   DataLoaderOptions(2).num_workers(workers).worker_mode(WorkerMode::kThread));
    EXPECT_EQ(next_of(*loader), "SampleError 0, probe 0: no such probe") << "with " << workers << " threads";
    EXPECT_EQ(next_of(*loader), "2 3");
  }
}

struct Drawn {
  size_t size() const { return 2; }
  at::Tensor get(size_t) const { return at::rand({2}); }
};

TEST(FirstSampleOfTheTrainer, LeavesTorchsGeneratorAsItWas) {
  at::manual_seed(5);
  const at::Tensor expected = at::rand({2});
  at::manual_seed(5);
  auto loader = make_data_loader(Drawn{}, DataLoaderOptions(1));
  EXPECT_TRUE(at::rand({2}).equal(expected));
}

}  // namespace
}  // namespace millrace::first_sample_test
