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

/// Keeps a crew at work: takes note of deaths and puts others in the place of the dead, kills who is stuck, and knows
/// when nothing of a dead worker's can be written any more. What becomes of the samples it held is decided by others.
/// Used by the loader's thread, which says what time it is.
class Supervisor {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Limits {
    int64_t retries = 0;                        ///< Deaths in a row of one worker before it has built its dataset.
    int64_t deaths_without_batch = 0;           ///< When more die, they die of something else than a sample.
    std::chrono::nanoseconds device_work = {};  ///< For which the device may write for a worker that is dead.
    Timeout sample = std::nullopt;              ///< The longest that one may be read.
  };

  /// What a dead worker left: what it was at, and until when what it held may still be written.
  struct Estate {
    Crew::Death death;
    WorkerPhase phase = WorkerPhase::kStarting;
    int64_t sample = -1;
    Time writable_until;
    std::optional<std::chrono::nanoseconds> stuck_for;  ///< Where we killed it for that.

    /// "reading sample 5", which is what the sample is called.
    std::string doing(const std::string& sample_name) const;

    /// "worker 0 (pid 71) was killed by SIGKILL while reading sample 5".
    std::string str(const std::string& sample_name) const;
  };

  Supervisor(Crew& crew, const TrainerBoard& board, const Limits& limits)
      : crew_(crew), board_(board), limits_(limits), deaths_before_ready_(crew.size()) {}

  /// Throws WorkerStartError again, once it has been thrown: without its worker an epoch would never end.
  void require_crew() const;

  /// A worker that was buried: its estate is kept, its place is vacant, and what it had sent is in the socket. Throws
  /// WorkerStartError when others in its place would die as well.
  FdSocket take_note(const Crew::Death& death, Time now);

  /// Starts others in the places that are vacant. While the fork server is stopped the other workers do the work, and
  /// places stay empty until it goes on. Throws WorkerStartError.
  void fill_vacancies();

  /// Throws WorkerStartError when a place is vacant and was waited for since `since` for longer than it may take: what
  /// is waited for may be what only the worker that is missing could make.
  void require_workers(Time since, Time now);

  bool has_estates() const { return !estates_.empty(); }

  /// Calls `inherit` for every estate that nothing can be written to any more, and forgets it.
  void settle_estates(Time now, const std::function<void(const Estate&)>& inherit);

  /// Whether some worker, alive or of an estate that is not settled, has that incarnation.
  bool knows(uint32_t incarnation) const;

  /// A batch was completed, so workers do not only die.
  void batch_completed() { deaths_without_batch_ = 0; }

  /// Kills the workers that read one sample for longer than limits.sample, which is counted from when they were first
  /// seen at it. Throws LoaderTimeout for one that cannot be killed.
  void end_stuck(Time now, const std::function<std::string(int64_t)>& name_of);

  /// ": worker 0 (pid 71) reads sample 5 (cats/5.jpg), in this range for 1.2 s (stopped), worker 1 …". `name_of` gives
  /// " (path)" of a sample, or nothing; the number came from shared memory.
  std::string what_workers_do(Time now, const std::function<std::string(int64_t)>& name_of) const;

 private:
  struct Watched {
    uint64_t started = 0;  // Samples, then.
    Time since = {};
  };

  [[noreturn]] void give_up(const std::string& reason);

  Crew& crew_;
  const TrainerBoard& board_;
  const Limits limits_;

  std::optional<std::string> fatal_;         // Why no worker can be had.
  std::map<size_t, std::string> vacancies_;  // Workers that could not be replaced yet, and how they ended.
  std::string server_stopped_;               // Why not.
  std::vector<Estate> estates_;
  std::map<size_t, std::chrono::nanoseconds> stuck_;  // Workers we killed for that, and whose end is not known yet.
  std::vector<Watched> watched_;                      // By worker.
  std::vector<int64_t> deaths_before_ready_;          // In a row, by worker.
  int64_t deaths_without_batch_ = 0;
};

}  // namespace millrace
