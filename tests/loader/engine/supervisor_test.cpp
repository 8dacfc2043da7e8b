#include "millrace/loader/engine/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/errors.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::supervisor_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Time = Supervisor::Time;

struct SupervisorTest : testing::Test, engine_fakes::Bench {
  static constexpr Time kNow{seconds(1000)};

  Supervisor supervisor(const Supervisor::Limits& limits) { return Supervisor(crew, board, limits); }

  static Supervisor::Limits patient() { return {.retries = 100, .deaths_without_batch = 100}; }

  static Supervisor::Limits with_sample_timeout() {
    auto limits = patient();
    limits.sample = seconds(5);
    return limits;
  }

  Crew::Death early_death(size_t number) {
    auto death = crew.death(number);
    death.was_ready = false;
    return death;
  }

  void stop_server() {
    crew.on_replace = [] { throw ForkServerStopped(77); };
  }

  // That worker reads sample 5 as its 3rd.
  Beacon& reading(size_t number) {
    Beacon& beacon = board.beacon(number);
    beacon.phase = WorkerPhase::kReading;
    beacon.sample = 5;
    beacon.samples_started = 3;
    beacon.since_ns = (kNow - milliseconds(1200)).time_since_epoch().count();
    return beacon;
  }

  static std::string name_of(int64_t sample) { return " (" + std::to_string(sample) + ".jpg)"; }

  // The text of the Error that `call` throws.
  template <class Error, class Call>
  static std::string text_of(const Call& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.what();
    }
    return "nothing was thrown";
  }
};

TEST_F(SupervisorTest, PutsAnotherInThePlaceOfTheDead) {
  auto tested = supervisor(patient());
  tested.take_note(crew.death(1), kNow);
  EXPECT_THAT(crew.replaced, IsEmpty());
  tested.fill_vacancies();
  tested.fill_vacancies();
  EXPECT_THAT(crew.replaced, ElementsAre(1)) << "once";
}

TEST_F(SupervisorTest, HandsOverTheSocketOfTheDead) {
  auto tested = supervisor(patient());
  auto [trainers, workers] = FdSocket::pair();
  const int fd = trainers.fd();
  crew.sockets[1] = std::move(trainers);
  EXPECT_EQ(tested.take_note(crew.death(1), kNow).fd(), fd);
}

TEST_F(SupervisorTest, GivesUpAtOnceWhenADatasetCannotBeBuilt) {
  auto tested = supervisor(patient());
  auto death = early_death(0);
  death.start_error = "no such folder";
  const std::string text = "worker 0 (pid 100) could not build its dataset: no such folder";
  EXPECT_EQ(text_of<WorkerStartError>([&] { tested.take_note(death, kNow); }), text);
  EXPECT_EQ(text_of<WorkerStartError>([&] { tested.require_crew(); }), text) << "and ever after";
}

TEST_F(SupervisorTest, AsksForNoCrewWhereNothingHappened) { EXPECT_NO_THROW(supervisor(patient()).require_crew()); }

TEST_F(SupervisorTest, GivesUpAWorkerThatDiesBeforeItIsReadyMoreOftenThanRetries) {
  auto limits = patient();
  limits.retries = 1;
  auto tested = supervisor(limits);
  tested.take_note(early_death(0), kNow);
  tested.take_note(early_death(1), kNow);  // Counted by itself.
  EXPECT_EQ(text_of<WorkerStartError>([&] { tested.take_note(early_death(0), kNow); }),
            "worker 0 (pid 100) was killed by signal 9 (SIGKILL) before it had built its dataset, 2 times in a row");
}

TEST_F(SupervisorTest, AWorkerThatWasReadyBeginsItsCountAnew) {
  auto limits = patient();
  limits.retries = 1;
  auto tested = supervisor(limits);
  tested.take_note(early_death(0), kNow);
  tested.take_note(crew.death(0), kNow);
  EXPECT_NO_THROW(tested.take_note(early_death(0), kNow));
}

TEST_F(SupervisorTest, GivesUpWhenWorkersOnlyDie) {
  auto limits = patient();
  limits.deaths_without_batch = 2;
  auto tested = supervisor(limits);
  tested.take_note(crew.death(0), kNow);
  tested.take_note(crew.death(1), kNow);
  tested.batch_completed();
  tested.take_note(crew.death(0), kNow);
  tested.take_note(crew.death(1), kNow);
  EXPECT_EQ(text_of<WorkerStartError>([&] { tested.take_note(crew.death(1), kNow); }),
            "worker 1 (pid 101) was killed by signal 9 (SIGKILL); 2 workers before it died without a batch completed");
}

TEST_F(SupervisorTest, GivesUpWhenAWorkerCannotBeReplaced) {
  auto tested = supervisor(patient());
  tested.take_note(crew.death(1), kNow);
  crew.on_replace = [] { throw std::runtime_error("no memory"); };
  const std::string text = "worker 1 (pid 101) was killed by signal 9 (SIGKILL) and could not be replaced: no memory";
  EXPECT_EQ(text_of<WorkerStartError>([&] { tested.fill_vacancies(); }), text);
  EXPECT_EQ(text_of<WorkerStartError>([&] { tested.require_crew(); }), text);
}

TEST_F(SupervisorTest, WaitsForAStoppedServerToGoOn) {
  auto tested = supervisor(patient());
  tested.take_note(crew.death(0), kNow);
  tested.take_note(crew.death(1), kNow);
  stop_server();
  tested.fill_vacancies();
  EXPECT_THAT(crew.replaced, IsEmpty());
  EXPECT_NO_THROW(tested.require_crew());
  crew.on_replace = [] {};
  tested.fill_vacancies();
  EXPECT_THAT(crew.replaced, ElementsAre(0, 1));
}

TEST_F(SupervisorTest, WaitsThirtySecondsForAWorkerThatIsMissing) {
  auto tested = supervisor(patient());
  EXPECT_NO_THROW(tested.require_workers(kNow, kNow + seconds(31))) << "none is";
  tested.take_note(crew.death(0), kNow);
  stop_server();
  tested.fill_vacancies();
  EXPECT_NO_THROW(tested.require_workers(kNow, kNow + milliseconds(29'999)));
  EXPECT_EQ(text_of<WorkerStartError>([&] { tested.require_workers(kNow, kNow + seconds(30)); }),
            "worker 0 (pid 100) was killed by signal 9 (SIGKILL) and could not be replaced within 30.0 s: the fork "
            "server (process 77) is stopped, by SIGSTOP or a debugger, and starts no process: continue it (kill -CONT "
            "77)");
}

TEST_F(SupervisorTest, SettlesAnEstateWhenTheDeviceWritesForItNoMore) {
  auto limits = patient();
  limits.device_work = seconds(2);
  auto tested = supervisor(limits);
  reading(1);
  tested.take_note(crew.death(1), kNow);
  std::vector<Supervisor::Estate> inherited;
  const auto inherit = [&](const Supervisor::Estate& estate) { inherited.push_back(estate); };
  tested.settle_estates(kNow + milliseconds(1999), inherit);
  EXPECT_THAT(inherited, IsEmpty());
  EXPECT_TRUE(tested.has_estates());
  tested.settle_estates(kNow + seconds(2), inherit);
  EXPECT_FALSE(tested.has_estates());
  tested.settle_estates(kNow + seconds(3), inherit);
  ASSERT_EQ(inherited.size(), 1U) << "once";
  EXPECT_EQ(inherited[0].death.incarnation, 2U);
  EXPECT_EQ(inherited[0].phase, WorkerPhase::kReading);
  EXPECT_EQ(inherited[0].sample, 5);
  EXPECT_FALSE(inherited[0].stuck_for.has_value());
}

TEST_F(SupervisorTest, KnowsTheLivingAndThoseWhoseEstateIsNotSettled) {
  auto tested = supervisor(patient());
  tested.take_note(crew.death(0), kNow);
  tested.fill_vacancies();
  EXPECT_TRUE(tested.knows(1)) << "dead";
  EXPECT_TRUE(tested.knows(2)) << "alive";
  EXPECT_TRUE(tested.knows(3)) << "in the place of the dead";
  EXPECT_FALSE(tested.knows(4));
  tested.settle_estates(kNow, [](const auto&) {});
  EXPECT_FALSE(tested.knows(1));
}

TEST_F(SupervisorTest, KillsAWorkerThatReadsOneSampleForTooLong) {
  auto tested = supervisor(with_sample_timeout());
  reading(1);
  tested.end_stuck(kNow, name_of);
  tested.end_stuck(kNow + milliseconds(4999), name_of);
  EXPECT_THAT(crew.killed, IsEmpty());
  tested.end_stuck(kNow + milliseconds(5500), name_of);
  EXPECT_THAT(crew.killed, ElementsAre(1));
  tested.end_stuck(kNow + milliseconds(5600), name_of);
  EXPECT_THAT(crew.killed, ElementsAre(1)) << "not again while it ends";
  tested.take_note(crew.death(1), kNow + seconds(6));
  tested.settle_estates(kNow + seconds(6), [](const auto& estate) { EXPECT_EQ(estate.stuck_for, milliseconds(5500)); });
  EXPECT_FALSE(tested.has_estates());
}

TEST_F(SupervisorTest, DoesNotKillAWorkerThatGoesOn) {
  auto tested = supervisor(with_sample_timeout());
  Beacon& beacon = reading(0);
  for (int second = 0; second < 20; second += 4) {
    tested.end_stuck(kNow + seconds(second), name_of);
    ++beacon.samples_started;
  }
  EXPECT_THAT(crew.killed, IsEmpty());
}

TEST_F(SupervisorTest, DoesNotKillAWorkerThatReadsNothing) {
  auto tested = supervisor(with_sample_timeout());
  for (const auto phase : {WorkerPhase::kStarting, WorkerPhase::kIdle, WorkerPhase::kInit}) {
    board.beacon(0).phase = phase;
    tested.end_stuck(kNow, name_of);
    tested.end_stuck(kNow + seconds(60), name_of);
  }
  EXPECT_THAT(crew.killed, IsEmpty());
}

TEST_F(SupervisorTest, DoesNotKillTheDead) {
  auto tested = supervisor(with_sample_timeout());
  reading(0);
  tested.end_stuck(kNow, name_of);
  tested.take_note(crew.death(0), kNow);
  tested.end_stuck(kNow + seconds(60), name_of);
  EXPECT_THAT(crew.killed, IsEmpty());
}

TEST_F(SupervisorTest, KillsNobodyWithoutALimit) {
  auto tested = supervisor(patient());
  reading(0);
  tested.end_stuck(kNow, name_of);
  tested.end_stuck(kNow + std::chrono::hours(1), name_of);
  EXPECT_THAT(crew.killed, IsEmpty());
}

TEST_F(SupervisorTest, SaysSoWhenAStuckWorkerCannotBeKilled) {
  auto tested = supervisor(with_sample_timeout());
  crew.can_kill = false;
  reading(0);
  tested.end_stuck(kNow, name_of);
  const std::string text = text_of<LoaderTimeout>([&] { tested.end_stuck(kNow + seconds(5), name_of); });
  EXPECT_THAT(text, testing::StartsWith("a worker thread is stuck for longer than sample_timeout and cannot be killed: "
                                        "worker 0 (pid 100) reads sample 5 (5.jpg), in this range for 6.2 s"));
}

TEST_F(SupervisorTest, SaysWhatEachWorkerDoes) {
  const auto tested = supervisor(patient());
  const std::string other = ", worker 1 (pid 101) builds its dataset";
  EXPECT_EQ(tested.what_workers_do(kNow, name_of), ": worker 0 (pid 100) builds its dataset" + other);
  Beacon& beacon = reading(0);
  EXPECT_EQ(tested.what_workers_do(kNow, name_of),
            ": worker 0 (pid 100) reads sample 5 (5.jpg), in this range for 1.2 s" + other);
  beacon.sample = -1;
  EXPECT_EQ(tested.what_workers_do(kNow, name_of), ": worker 0 (pid 100) makes a batch for 1.2 s" + other);
  beacon.phase = WorkerPhase::kInit;
  EXPECT_EQ(tested.what_workers_do(kNow, name_of), ": worker 0 (pid 100) runs worker_init_fn for 1.2 s" + other);
  beacon.phase = WorkerPhase::kIdle;
  EXPECT_EQ(tested.what_workers_do(kNow, name_of), ": worker 0 (pid 100) is idle for 1.2 s" + other);
  beacon.since_ns = (kNow + seconds(1)).time_since_epoch().count();
  EXPECT_EQ(tested.what_workers_do(kNow, name_of), ": worker 0 (pid 100) is idle for 0.0 s" + other)
      << "since a moment behind this one";
}

TEST_F(SupervisorTest, SaysWhatTheKernelSaysOfEachWorker) {
  const auto tested = supervisor(patient());
  reading(0);
  crew.kernel_states = {{0, "stopped"}, {1, "sleeps in the system call read"}};
  EXPECT_EQ(tested.what_workers_do(kNow, name_of),
            ": worker 0 (pid 100) reads sample 5 (5.jpg), in this range for 1.2 s (stopped), worker 1 (pid 101) builds "
            "its dataset (sleeps in the system call read)");
}

TEST_F(SupervisorTest, SaysWhatADeadWorkerWasAt) {
  Supervisor::Estate estate{{0, 1, 100, ExitStatus(9), true, {}}, WorkerPhase::kReading, 5, {}, {}};
  const std::string dead = "worker 0 (pid 100) " + ExitStatus(9).str() + " while ";
  EXPECT_EQ(estate.str("sample 5"), dead + "reading sample 5");
  estate.stuck_for = seconds(3);
  EXPECT_EQ(estate.str("sample 5"), dead + "reading sample 5, where it was stuck for 3.0 s");
  estate.phase = WorkerPhase::kIdle;
  EXPECT_EQ(estate.str("sample 5"), dead + "it was idle");
  estate.phase = WorkerPhase::kStarting;
  EXPECT_EQ(estate.str("sample 5"), dead + "building its dataset");
}

TEST_F(SupervisorTest, SaysWhoIsMissing) {
  auto tested = supervisor(patient());
  reading(0);
  tested.take_note(crew.death(0), kNow);
  stop_server();
  tested.fill_vacancies();
  EXPECT_THAT(tested.what_workers_do(kNow, name_of),
              testing::StartsWith(": worker 0 (pid 100) is dead and cannot be replaced: the fork server (process 77)"));
}

}  // namespace
}  // namespace millrace::supervisor_test
