#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/tests/loader/datasets_for_tests.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/seed.h"

namespace millrace {
namespace {

using test::test_seed;
using testing::Numbers;
using testing::processes;

/// Ends the whole test when it takes too long: a hang is a failure, not a reason to wait for ctest.
class Watchdog {
 public:
  explicit Watchdog(unsigned seconds) { ::alarm(seconds); }
  ~Watchdog() { ::alarm(0); }
};

// Numbers whose reading takes long enough for a kill to hit it.
struct SlowNumbers {
  Numbers numbers;
  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    volatile uint64_t sink = 0;
    for (int k = 0; k < 20'000; ++k) sink = sink + context.rng()();
    numbers.read(i, row, context);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers);
  }
};

void kill_workers_at_random(const DataLoaderOptions& options) {
  const int kills = test::kills_wanted(2000);
  const Watchdog watchdog(240);
  std::mt19937_64 random(test_seed());
  constexpr int64_t kSamples = 600;
  auto loader = make_data_loader(SlowNumbers{Numbers{kSamples, 64}}, options);

  int killed = 0;
  int epochs = 0;
  auto next_kill = std::chrono::steady_clock::now();
  for (; killed < kills; ++epochs) {
    std::vector<int> seen(kSamples, 0);
    for (auto& batch : *loader) {
      ASSERT_TRUE(testing::is_whole(batch)) << "a torn sample in epoch " << epochs;
      for (const int64_t index : batch.indices()) ++seen[static_cast<size_t>(index)];
      while (killed < kills && std::chrono::steady_clock::now() >= next_kill) {
        const auto pids = loader->worker_pids();
        ::kill(pids[random() % pids.size()], SIGKILL);
        ++killed;
        next_kill = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 12'000);
      }
    }
    for (int64_t i = 0; i < kSamples; ++i)
      ASSERT_EQ(seen[static_cast<size_t>(i)], 1) << "sample " << i << " in epoch " << epochs;
  }
  std::cout << "[ kills    ] " << killed << " sent, " << loader->stats().worker_deaths << " deaths noticed, " << epochs
            << " epochs of " << kSamples << " samples complete" << std::endl;
  EXPECT_GT(loader->stats().worker_deaths, static_cast<uint64_t>(kills) / 4);
}

TEST(RandomKills, LoseNoSampleAndTearNone) {
  kill_workers_at_random(processes(StartMethod::kForkServer, 3).options(20).shuffle(true).retries(1000));
}

TEST(KilledForkServer, TakesItsWorkersAlongAndAllAreReplaced) {
  const Watchdog watchdog(60);
  auto loader = make_data_loader(Numbers{400}, processes(StartMethod::kForkServer, 2).options(10).retries(10));
  int64_t seen = 0;
  int number = 0;
  for (auto& batch : *loader) {
    if (++number == 5) ::kill(ForkServer::instance().pid(), SIGKILL);
    ASSERT_TRUE(testing::is_whole(batch));
    seen += batch.size();
  }
  EXPECT_EQ(seen, 400);
}

// Runs `work` in a forked child and gives its exit code: 0 when it threw a std::logic_error that names both processes.
template <class Work>
int refused_in_child(const Work& work) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      work();
    } catch (const std::logic_error& e) {
      const std::string text = e.what();
      const bool named = text.find("process " + std::to_string(parent)) != std::string::npos &&
                         text.find(std::to_string(::getpid())) != std::string::npos;
      code = named ? 0 : 2;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ForkedChild, IsRefusedByTheLoaderByNameAndCostsTheParentNothing) {
  const Watchdog watchdog(20);
  auto loader = make_data_loader(Numbers{100}, processes(StartMethod::kForkServer, 2).options(10));
  std::vector<int64_t> order;
  const auto take = [&] {
    const auto batch = loader->next();
    if (batch) order.insert(order.end(), batch->indices().begin(), batch->indices().end());
    return batch.has_value();
  };
  take();
  const LoaderState state = loader->state_dict();
  EXPECT_EQ(refused_in_child([&] { loader->next(); }), 0);
  EXPECT_EQ(refused_in_child([&] { loader->set_epoch(3); }), 0);
  EXPECT_EQ(refused_in_child([&] { loader->begin(); }), 0);
  EXPECT_EQ(refused_in_child([&] { loader->load_state_dict(state); }), 0);
  EXPECT_EQ(refused_in_child([&] { loader->state_dict(); }), 0);
  EXPECT_EQ(refused_in_child([&] { loader->wait_ready(); }), 0);
  while (take()) continue;
  ASSERT_EQ(order.size(), 100U);
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(ForkedChild, IsRefusedByABatchByName) {
  const Watchdog watchdog(20);
  auto loader = make_data_loader(Numbers{100}, processes(StartMethod::kForkServer, 2).options(10));
  auto batch = loader->next();
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(refused_in_child([&] { batch->data(); }), 0);
  EXPECT_EQ(refused_in_child([&] { batch->target(); }), 0);
  EXPECT_EQ(refused_in_child([&] { static_cast<void>((*batch)["noise"]); }), 0);
  EXPECT_EQ(refused_in_child([&] { batch->tensors("data"); }), 0);
  EXPECT_EQ(refused_in_child([&] { batch->columns(); }), 0);
  EXPECT_EQ(refused_in_child([&] { batch->to(c10::kCPU); }), 0);
  EXPECT_TRUE(testing::is_whole(*batch));
  // What is the child's own copy it may have.
  EXPECT_EQ(refused_in_child([&] {
              if (batch->size() == 10 && batch->indices().size() == 10 && batch->contains("data")) ::_exit(7);
            }),
            7);
}

TEST(ForkedChild, ThatDropsItsCopyOfABatchTakesNothingFromTheParent) {
  const Watchdog watchdog(20);
  auto loader = make_data_loader(Numbers{100}, processes(StartMethod::kForkServer, 2).options(10));
  std::optional<Batch> batch = loader->next();
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(refused_in_child([&] {
              batch.reset();
              ::_exit(7);
            }),
            7);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(loader->next().has_value());
  EXPECT_TRUE(testing::is_whole(*batch)) << "its slot was filled anew";
}

// Forks at sample 5 and lets the child come back from read(), or throw; then says in "target" how that ended.
struct Forking {
  Numbers numbers{20};
  bool throws = false;
  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    numbers.read(i, row, context);
    if (i != 5) return;
    const pid_t child = ::fork();
    if (child == 0 && throws) throw std::runtime_error("in the child");
    if (child == 0) return;
    int status = 0;
    ::waitpid(child, &status, 0);
    row.set<int64_t>("target", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers, throws);
  }
};

TEST(ForkedChild, OfADatasetThatComesBackFromReadingIsEnded) {
  const Watchdog watchdog(20);
  for (const bool throws : {false, true}) {
    auto loader = make_data_loader(Forking{Numbers{20}, throws}, processes(StartMethod::kForkServer, 1).options(20));
    const auto batch = loader->next();
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(batch->target().const_data_ptr<int64_t>()[5], 125);
    EXPECT_TRUE(testing::is_whole(*batch));
  }
}

// With its only sample starts a process in a session of its own, whose number is the target. It ends with the worker if
// `follows`, as docs/datasets.md says how.
struct Companion {
  Numbers numbers{1};
  bool follows = false;
  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    numbers.read(i, row, context);
    std::array<int, 2> ready{};
    if (::pipe2(ready.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      ::setsid();
      if (follows) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(ready[1]);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    if (::read(ready[0], &byte, 1) != 0) throw std::runtime_error("no end of file");
    ::close(ready[0]);
    row.set<int64_t>("target", child);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers, follows);
  }
};

TEST(ProcessOfADataset, EndsWithTheWorkerThatIsKilledIfItAsksTheKernelToAndStaysTheUsersOtherwise) {
  const Watchdog watchdog(20);
  for (const bool follows : {false, true}) {
    // Nothing is read ahead: it would start another, which nobody would end.
    auto loader =
        make_data_loader(Companion{Numbers{1}, follows}, processes(StartMethod::kForkServer, 1).options(1).prefetch(0));
    const auto batch = loader->next();
    ASSERT_TRUE(batch.has_value());
    const auto companion = PidFd::open(static_cast<pid_t>(batch->target().const_data_ptr<int64_t>()[0]));
    const auto worker = PidFd::open(loader->worker_pids()[0]);
    worker.kill(SIGKILL);
    EXPECT_TRUE(worker.wait_ended(std::chrono::seconds(10)));
    EXPECT_EQ(companion.wait_ended(follows ? std::chrono::seconds(10) : std::chrono::seconds(0)), follows);
    companion.kill(SIGKILL);
  }
}

// Stops the fork server for as long as it lives.
class StoppedServer {
 public:
  StoppedServer() : server_(ForkServer::instance().pid()) { ::kill(server_, SIGSTOP); }
  ~StoppedServer() { ::kill(server_, SIGCONT); }

 private:
  pid_t server_;
};

TEST(StoppedForkServer, DoesNotKeepTheOtherWorkersFromDoingADeadOnesWork) {
  const Watchdog watchdog(20);
  auto loader = make_data_loader(Numbers{400}, processes(StartMethod::kForkServer, 2).options(10));
  loader->wait_ready();
  {
    const StoppedServer stopped;
    ::kill(loader->worker_pids()[0], SIGKILL);
    // A trainer that never has to wait looks for deaths every 10 ms, which an epoch need not take.
    do {
      int64_t seen = 0;
      for (auto& batch : *loader) {
        ASSERT_TRUE(testing::is_whole(batch));
        seen += batch.size();
      }
      EXPECT_EQ(seen, 400);
    } while (loader->stats().worker_deaths == 0);
    EXPECT_EQ(loader->stats().worker_deaths, 1U);
  }
  loader->wait_ready();
  for (const pid_t pid : loader->worker_pids()) EXPECT_EQ(::kill(pid, 0), 0) << "it was replaced";
}

TEST(StoppedForkServer, IsNamedByTheTimeoutAndEverythingGoesOnWhenItDoes) {
  const Watchdog watchdog(20);
  auto loader = make_data_loader(
      Numbers{100}, processes(StartMethod::kForkServer, 2).options(10).timeout(std::chrono::milliseconds(300)));
  loader->wait_ready();
  int64_t seen = 0;
  {
    const StoppedServer stopped;
    for (const pid_t pid : loader->worker_pids()) ::kill(pid, SIGKILL);
    try {
      while (const auto batch = loader->next()) seen += batch->size();  // What was ready comes.
      FAIL() << "no error";
    } catch (const LoaderTimeout& e) {
      EXPECT_NE(std::string(e.what()).find("is dead and cannot be replaced: the fork server (process " +
                                           std::to_string(ForkServer::instance().pid()) + ") is stopped"),
                std::string::npos)
          << e.what();
    }
  }
  for (bool more = true; more;) {
    try {
      const auto batch = loader->next();
      more = batch.has_value();
      if (more) seen += batch->size();
    } catch (const LoaderTimeout&) {
      continue;  // Its workers may take longer to start.
    }
  }
  EXPECT_EQ(seen, 100);
}

TEST(StoppedForkServer, DoesNotKeepADeathFromBeingReportedByItsSignal) {
  const Watchdog watchdog(20);
  auto loader = make_data_loader(testing::Troubled{Numbers{20}, 5, testing::Troubled::How::kDieAlways},
                                 processes(StartMethod::kForkServer, 2).options(10).prefetch(0).retries(0));
  loader->wait_ready();
  const StoppedServer stopped;
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const WorkerDied& e) {
    EXPECT_EQ(e.signal(), SIGKILL);
  }
  EXPECT_EQ(loader->next()->size(), 10);
}

TEST(StoppedForkServer, DoesNotHoldUpTheEndOfALoaderWhoseWorkersDied) {
  const Watchdog watchdog(5);  // Two seconds are promised.
  auto loader = make_data_loader(Numbers{100}, processes(StartMethod::kForkServer, 4).options(10));
  loader->wait_ready();
  const StoppedServer stopped;
  for (const pid_t pid : loader->worker_pids()) ::kill(pid, SIGKILL);
  loader.reset();
}

// Waits until none of `pids` exists (zombies count as existing), at most three seconds.
std::vector<pid_t> survivors(std::vector<pid_t> pids) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (!pids.empty() && std::chrono::steady_clock::now() < deadline) {
    std::erase_if(pids, [](pid_t pid) { return ::kill(pid, 0) != 0; });
    ::usleep(1000);  // Nobody signals the end of a process that is not our descendant.
  }
  return pids;
}

// Runs a loader in a process of its own, tells its workers' pids and reads on until it is killed.
int trainer_main(std::span<const std::byte> arguments, std::vector<OwnedFd> fds) {
  StartMethod method{};
  DecodeArchive(arguments, {})(method);
  auto loader = make_data_loader(Numbers{1000}, processes(method, 3).options(10));
  loader->wait_ready();
  loader->next();
  auto pids = loader->worker_pids();
  if (method == StartMethod::kForkServer) pids.push_back(ForkServer::instance().pid());
  const FdSocket out(std::move(fds[0]));
  out.send(std::as_bytes(std::span(pids)));
  for (;;) loader->next();
}

class KilledTrainer : public ::testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(StartMethods, KilledTrainer,
                         ::testing::Values(StartMethod::kForkServer, StartMethod::kFork, StartMethod::kSpawn),
                         [](const auto& param) { return std::string(to_string(param.param)); });

TEST_P(KilledTrainer, LeavesNoProcessThreeSecondsLater) {
  const Watchdog watchdog(60);
  auto [ours, theirs] = FdSocket::pair();
  // Spawned, so that it has a fork server of its own.
  Child trainer = start_child(StartMethod::kSpawn, {&trainer_main, encode(GetParam()).bytes, {theirs.fd()}, "trainer"});
  theirs.close();
  const auto message = ours.receive();
  ASSERT_TRUE(message.has_value());
  std::vector<pid_t> pids(message->bytes.size() / sizeof(pid_t));
  std::memcpy(pids.data(), message->bytes.data(), message->bytes.size());
  ASSERT_GE(pids.size(), 3U);
  trainer.kill(SIGKILL);
  EXPECT_EQ(trainer.wait(std::nullopt)->signal(), SIGKILL);
  EXPECT_EQ(survivors(pids), std::vector<pid_t>{});
}

}  // namespace
}  // namespace millrace
