#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/sharing/os/deadline.h"

namespace millrace {

/// Keeps a crew at work: takes note of deaths and replaces the dead, kills workers that are stuck, and knows when
/// nothing of a dead worker's can be written any more. Others decide what becomes of the samples that the worker held.
/// Used by the loader's thread, which says what time it is.
class Supervisor {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Limits {
    int64_t retries = 0;                        ///< Deaths in a row of one worker before it has built its dataset.
    int64_t deaths_without_batch = 0;           ///< With more deaths, workers die of something else than a sample.
    std::chrono::nanoseconds device_work = {};  ///< How long the device may write for a dead worker.
    Timeout sample = std::nullopt;              ///< The longest that a sample may be read.
  };

  /// What a dead worker left: what it was doing, and until when the ranges that it held may still be written.
  struct Estate {
    Crew::Death death;
    WorkerPhase phase = WorkerPhase::kStarting;
    int64_t sample = -1;
    Time writable_until;
    std::optional<std::chrono::nanoseconds> stuck_for;  ///< How long it was stuck, where we killed it for that.

    /// What the worker was doing: "reading sample 5", where the sample is called that.
    std::string doing(const std::string& sample_name) const;

    /// The death in words: "worker 0 (pid 71) was killed by SIGKILL while reading sample 5".
    std::string str(const std::string& sample_name) const;
  };

  Supervisor(Crew& crew, const TrainerBoard& board, const Limits& limits)
      : crew_(crew), board_(board), limits_(limits), deaths_before_ready_(crew.size()) {}

  /// Throws WorkerStartError again, once it has been thrown: without its worker an epoch would never end.
  void require_crew() const;

  /// Notes that a worker was buried: its estate is kept and its place is vacant. Gives the socket with what it had
  /// sent. Throws WorkerStartError when its replacements would die as well.
  FdSocket take_note(const Crew::Death& death, Time now);

  /// Starts workers in the places that are vacant. While the fork server is stopped the other workers do the work, and
  /// places stay empty until it goes on. Throws WorkerStartError.
  void fill_vacancies();

  /// Throws WorkerStartError when a place is vacant and the trainer has waited since `since` for longer than that may
  /// take: it may be waiting for a batch that only the missing worker could make.
  void require_workers(Time since, Time now);

  bool has_estates() const { return !estates_.empty(); }

  /// Calls `inherit` for every estate that nothing can be written to any more, and forgets it.
  void settle_estates(Time now, const std::function<void(const Estate&)>& inherit);

  /// Whether some worker, alive or of an estate that is not settled, has that incarnation.
  bool knows(uint32_t incarnation) const;

  /// Notes that a batch was completed, so workers do not only die.
  void batch_completed() { deaths_without_batch_ = 0; }

  /// Kills the workers that read one sample for longer than limits.sample, counted from when they were first seen at
  /// it. Throws LoaderTimeout for a worker that cannot be killed.
  void end_stuck(Time now, const std::function<std::string(int64_t)>& name_of);

  /// What the workers do, for messages: ": worker 0 (pid 71) reads sample 5 (cats/5.jpg), in this range for 1.2 s
  /// (stopped), worker 1 …". `name_of` gives " (path)" of a sample, or nothing; the sample's number came from shared
  /// memory.
  std::string what_workers_do(Time now, const std::function<std::string(int64_t)>& name_of) const;

 private:
  struct Watched {
    uint64_t started = 0;  // Samples started then.
    Time since = {};
  };

  [[noreturn]] void give_up(const std::string& reason);

  Crew& crew_;
  const TrainerBoard& board_;
  const Limits limits_;

  std::optional<std::string> fatal_;         // Why no worker can be had.
  std::map<size_t, std::string> vacancies_;  // Workers that could not be replaced yet, and how they ended.
  std::string server_stopped_;               // Why they could not.
  std::vector<Estate> estates_;
  std::map<size_t, std::chrono::nanoseconds> stuck_;  // Workers killed for being stuck, whose end is not known yet.
  std::vector<Watched> watched_;                      // By worker.
  std::vector<int64_t> deaths_before_ready_;          // Deaths in a row, by worker.
  int64_t deaths_without_batch_ = 0;
};

}  // namespace millrace
