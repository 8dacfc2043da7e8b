#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "millrace/loader/engine/worker_processes.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/source.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/long_wait.h"

namespace millrace {

/// Learns from the first of the worker processes what samples look like. The dataset reads in that process, so that it
/// can neither hold the trainer up nor take it along when it dies. Used by the loader's thread.
class SpecSearch {
 public:
  using Time = Deadline::Clock::time_point;

  /// Asks the worker at once. Borrows all three.
  SpecSearch(WorkerProcesses& processes, const Source& source, const DataLoaderOptions& options);

  /// The spec of the first sample, of samples_to_try(), that can be read. Waits for options.timeout() at most, and
  /// kills a worker that reads a sample for longer than options.sample_timeout(), in which time in worker_init_fn does
  /// not count.
  ///
  /// Throws LoaderTimeout, and then may be called again. After any other error each further call throws the same:
  /// WorkerStartError; SampleError or WorkerDied of the first sample when none could be read, unless batches are
  /// packed; BoardCorrupted for what no worker of ours says.
  SampleSpec find();

  /// The worker's deaths so far.
  uint64_t deaths() const { return deaths_; }

 private:
  void ask();
  std::optional<SampleSpec> take(const WorkerMessage& message);
  void note_doing(const Doing& doing);
  std::optional<WorkerMessage> next_message(const Deadline& deadline);
  std::optional<WorkerMessage> told();
  void end_stuck();
  void note_death();
  void replace(const Deadline& deadline);
  void go_on_behind(std::exception_ptr failure);
  SampleSpec of_none();
  void require_in_time(const Deadline& deadline) const;
  void tell_if_long();
  std::string what_it_does() const;
  std::chrono::nanoseconds lasted() const;
  bool is_stuck() const;

  std::string who() const;
  std::string sample_text() const;
  [[noreturn]] void give_up(std::exception_ptr reason);
  [[noreturn]] void give_up(const std::string& reason);
  [[noreturn]] void give_up_on_foreign(const std::string& what);

  WorkerProcesses& processes_;
  WorkerProcess& worker_;  // The first of the processes.
  const Source& source_;
  const DataLoaderOptions& options_;

  LongWait long_wait_;                          // For the find() at hand.
  uint64_t sample_ = 0;                         // The sample that is asked for.
  WorkerPhase phase_ = WorkerPhase::kStarting;  // What the worker does for it.
  Time since_;                                  // Since when, but for kStarting.
  std::exception_ptr first_failure_;
  std::exception_ptr fatal_;  // Why there is no further search.
  uint64_t deaths_ = 0;
  int64_t deaths_before_ready_ = 0;  // Deaths in a row.
};

}  // namespace millrace
