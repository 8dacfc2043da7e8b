#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/sharing/process/process.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::multiprocessing {

/// What the other parties of a test are: processes, started in each way, and threads of this process, which the thread
/// sanitizer can look at.
enum class Others { kFork, kForkServer, kSpawn, kThreads };

inline std::string name_of(const testing::TestParamInfo<Others>& tested) {
  constexpr const char* kNames[] = {"fork", "forkserver", "spawn", "threads"};
  return kNames[static_cast<int>(tested.param)];
}

/// For targets: what has to be true there too.
inline void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string("not true: ") + what);
}

template <class Error, class F>
bool throws(F&& f) {
  try {
    f();
  } catch (const Error&) {
    return true;
  }
  return false;
}

/// The other parties of a test, declared after what they share. join() fails the test when one of them threw.
class Crew {
 public:
  explicit Crew(Others others) : others_(others) {}
  ~Crew() { join(); }

  template <class F, class... Arguments>
  void start(F target, Arguments&&... arguments) {
    if (others_ == Others::kThreads) {
      threads_.emplace_back([target, ... arguments = std::forward<Arguments>(arguments)]() mutable {
        try {
          target(arguments...);
        } catch (const std::exception& e) {
          ADD_FAILURE() << "a thread threw: " << e.what();
        }
      });
      return;
    }
    auto& process = processes_.emplace_back(method(), target, std::forward<Arguments>(arguments)...);
    process.start();
  }

  void join() {
    for (auto& thread : threads_) thread.join();
    for (auto& process : processes_) {
      EXPECT_TRUE(process.join(test::kLong)) << process.name() << " does not end";
      EXPECT_EQ(process.exitcode(), 0) << process.name();
    }
    threads_.clear();
    processes_.clear();
  }

 private:
  StartMethod method() const {
    switch (others_) {
      case Others::kFork:
        return StartMethod::kFork;
      case Others::kSpawn:
        return StartMethod::kSpawn;
      default:
        return StartMethod::kForkServer;
    }
  }

  Others others_;
  std::vector<std::thread> threads_;
  std::vector<Process> processes_;
};

class SyncTest : public testing::TestWithParam<Others> {};

/// INSTANTIATE_TEST_SUITE_P(, Suite, everybody(), name_of)
inline auto everybody() {
  return testing::Values(Others::kFork, Others::kForkServer, Others::kSpawn, Others::kThreads);
}

/// A process that takes a part in a test by being killed; with the default start method.
template <class F, class... Arguments>
Process victim(F target, Arguments&&... arguments) {
  Process process(StartMethod::kForkServer, target, std::forward<Arguments>(arguments)...);
  process.start();
  return process;
}

inline void kill_and_join(Process& process) {
  process.kill();
  ASSERT_TRUE(process.join(test::kLong));
  ASSERT_EQ(process.exitcode(), -SIGKILL);
}

}  // namespace millrace::multiprocessing
