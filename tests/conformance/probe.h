#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/tensor/share_memory.h"

namespace millrace::testing {

/// Numbers that trainer and workers of every kind share, by which tests see and steer what workers do.
struct Tally {
  at::Tensor numbers;

  static Tally make() { return {share_memory_(at::zeros({4}, at::kLong))}; }

  std::atomic_ref<int64_t> started() const { return at(0); }   ///< Samples whose reading began,
  std::atomic_ref<int64_t> read() const { return at(1); }      ///< and ended.
  std::atomic_ref<int64_t> released() const { return at(2); }  ///< 1 lets samples go that wait for it.
  std::atomic_ref<int64_t> troubles() const { return at(3); }  ///< That samples have made.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers);
  }

 private:
  std::atomic_ref<int64_t> at(int64_t number) const {
    return std::atomic_ref<int64_t>(numbers.mutable_data_ptr<int64_t>()[number]);
  }
};

/// Waits until `condition` holds, at most twenty seconds. Whether it came to hold. Looks again and again: what it is
/// about are counters in shared memory that workers of every kind write, without a bell.
template <class Condition>
bool wait_until(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// What a worker_init_fn saw, in the worker that it ran in.
struct InitNote {
  int64_t calls = 0;
  WorkerInfo info;
};
inline thread_local InitNote init_note;

inline void note_init(const WorkerInfo& info) {
  ++init_note.calls;
  init_note.info = info;
}

/// Samples that say where they were read, and of which those with index % period == bad make trouble, `times` times in
/// all.
struct Probe {
  enum class Trouble : int { kNone, kThrow, kThrowInt, kExit, kKill, kFault, kStop, kWait };

  int64_t n = 0;
  Trouble trouble = Trouble::kNone;
  int64_t bad = 3;
  int64_t period = 1'000'000;
  int64_t times = 1'000'000;
  Tally tally = Tally::make();

  size_t size() const { return static_cast<size_t>(n); }
  SampleSpec spec() const {
    return {{"index", at::kLong, {}},      {"pid", at::kLong, {}},     {"worker", at::kLong, {}},
            {"init_calls", at::kLong, {}}, {"init_id", at::kLong, {}}, {"init_workers", at::kLong, {}},
            {"init_seed", at::kLong, {}},  {"info_id", at::kLong, {}}};
  }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    look_at(i);
    const auto info = get_worker_info();
    row.set<int64_t>("index", static_cast<int64_t>(i));
    row.set<int64_t>("pid", ::getpid());
    row.set<int64_t>("worker", context.worker());
    row.set<int64_t>("init_calls", init_note.calls);
    row.set<int64_t>("init_id", init_note.info.id);
    row.set<int64_t>("init_workers", init_note.info.num_workers);
    row.set<int64_t>("init_seed", static_cast<int64_t>(init_note.info.seed));
    row.set<int64_t>("info_id", info ? info->id : -1);
    tally.read().fetch_add(1);
  }
  std::string describe(size_t i) const { return "probe " + std::to_string(i); }

  void look_at(size_t i) const {
    tally.started().fetch_add(1);
    if (trouble == Trouble::kNone || static_cast<int64_t>(i) % period != bad) return;
    if (tally.troubles().fetch_add(1) < times) make_trouble();
  }

  void make_trouble() const {
    switch (trouble) {
      case Trouble::kThrow:
        throw std::out_of_range("no such probe");
      case Trouble::kThrowInt:
        throw 42;
      case Trouble::kExit:
        std::exit(3);
      case Trouble::kKill:
        ::raise(SIGKILL);
        break;
      case Trouble::kFault:
        std::signal(SIGSEGV, SIG_DFL);  // A sanitizer would make an exit of it.
        ::raise(SIGSEGV);
        break;
      case Trouble::kStop:
        ::raise(SIGSTOP);
        break;
      case Trouble::kWait:
        wait_until([&] { return tally.released().load() != 0; });
        break;
      case Trouble::kNone:
        break;
    }
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(n, trouble, bad, period, times, tally);
  }
};

/// What came of an epoch.
struct Outcome {
  std::vector<int64_t> indices;
  std::vector<int64_t> sizes;  ///< Of its batches.
  std::vector<SampleError> errors;
  std::vector<WorkerDied> deaths;
};

inline Outcome epoch_of(DataLoader& loader) {
  Outcome outcome;
  for (;;) {
    try {
      const auto batch = loader.next();
      if (!batch) return outcome;
      outcome.sizes.push_back(batch->size());
      outcome.indices.insert(outcome.indices.end(), batch->indices().begin(), batch->indices().end());
    } catch (const SampleError& e) {
      outcome.errors.push_back(e);
    } catch (const WorkerDied& e) {
      outcome.deaths.push_back(e);
    }
  }
}

/// 0 .. n - 1 but for what `without` holds for.
template <class Without>
std::vector<int64_t> all_but(int64_t n, const Without& without) {
  std::vector<int64_t> all;
  for (int64_t i = 0; i < n; ++i)
    if (!without(i)) all.push_back(i);
  return all;
}

}  // namespace millrace::testing
