#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/sharing/pool/call_board.h"
#include "millrace/sharing/pool/item_feed.h"
#include "millrace/sharing/pool/job.h"

namespace millrace::multiprocessing::detail {

/// Calls that one worker runs in one go, and the job they are of.
struct Task {
  std::shared_ptr<Job> job;
  uint32_t function = 0;  ///< The function's number, which workers ask the parent about.
  PoolTask calls;
};

struct EndedTask {
  Task task;
  Outcome outcome;
};

/// Where each of a pool's tasks is: it waits, lies on the board for a worker to take, or has ended and its job is to be
/// told. It is on the parent's side of the board; workers see a task's slot only.
///
/// Thread safety: the caller sees to it that one thread at a time is in here, or in the board.
class TaskTable {
 public:
  explicit TaskTable(CallBoard& board);

  /// Adds a task, which waits.
  void add(Task task);

  /// Puts waiting tasks on the board, as far as there are slots.
  void fill_board();

  /// True when nothing waits and nothing is on the board.
  bool is_empty() const { return waiting_.empty() && free_slots_.size() == CallBoard::kSlots; }

  /// Tasks that wait for a slot.
  size_t waiting() const { return waiting_.size(); }

  /// The task of a slot; null where there is none. Throws std::out_of_range for a number that is no slot's.
  const Task* on_board(uint32_t slot) const;

  /// Ends a task that is on the board.
  void end(uint32_t index, Outcome outcome);

  /// Ends the tasks that workers have done and whose results lie on the board.
  void collect_done();

  /// Ends all tasks with an error.
  void fail_all(const std::exception_ptr& error);

  /// The tasks that have ended since the last call, for the caller to tell their jobs.
  std::vector<EndedTask> take_ended() { return std::exchange(ended_, {}); }

 private:
  CallBoard& board_;
  std::deque<Task> waiting_;  // Tasks that wait for a slot.
  std::array<std::optional<Task>, CallBoard::kSlots> on_board_;
  std::vector<uint32_t> free_slots_;
  size_t awaited_each_ = 0;  // Tasks on the board whose end somebody may be waiting for.
  std::vector<EndedTask> ended_;
};

}  // namespace millrace::multiprocessing::detail
