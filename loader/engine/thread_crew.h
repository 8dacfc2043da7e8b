#pragma once

#include <chrono>
#include <cstddef>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/worker.h"

namespace millrace {

/// Worker threads. They borrow everything in `place` and read from clones of `source`.
class ThreadCrew final : public Crew {
 public:
  /// Starts role.num_workers threads; place.spill and the role's own number are set for each.
  ThreadCrew(TrainerBoard& board, const Worker::Place& place, const Source& source, const WorkerRole& role);

  /// Tells the board to stop and waits until every thread has finished the sample it is reading: a thread cannot be
  /// killed. Whoever wants to tell of a long wait calls end_within() before.
  ~ThreadCrew() override;

  size_t size() const override { return threads_.size(); }
  const FdSocket& overflow(size_t worker) const override { return overflows_[worker].first; }
  bool has(uint32_t incarnation) const override { return incarnation > 0 && incarnation <= threads_.size(); }
  int number_of(uint32_t incarnation) const override { return static_cast<int>(incarnation) - 1; }
  bool end_within(std::chrono::nanoseconds limit) override;

 private:
  void end();

  TrainerBoard& board_;
  std::vector<std::pair<FdSocket, FdSocket>> overflows_;  // The trainer's end and the worker's, for each.
  std::counting_semaphore<> ends_{0};                     // Released by each thread when it has read its last sample.
  size_t ended_ = 0;                                      // Threads whose end was taken from it.
  std::vector<std::thread> threads_;
};

}  // namespace millrace
