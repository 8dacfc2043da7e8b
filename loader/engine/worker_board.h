#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "millrace/loader/engine/board.h"
#include "millrace/loader/sources/claim.h"

namespace millrace {

/// A worker's view of the board: it claims open ranges and says what became of them. Thread-safe.
class WorkerBoard : public Board {
 public:
  WorkerBoard(std::byte* memory, const Geometry& geometry) : Board(memory, geometry) {}

  /// Claims an open range of the oldest batch that has one for `worker`.
  std::optional<Claim> claim(uint32_t incarnation, uint32_t worker) const;

  /// Publishes a claimed range's rows. True when the slot has no pending range left and the trainer is to be woken for
  /// that.
  [[nodiscard]] bool finish(const Claim& claim, uint32_t incarnation) const;

  /// Publishes the error of a claimed range. Gives the same as finish().
  [[nodiscard]] bool fail(const Claim& claim, uint32_t incarnation, const RangeError& error) const;

  /// Sleeps until something was opened or stopped, at most `timeout`; returns at once when there is something for
  /// `worker` to claim.
  void wait_for_work(uint32_t worker, std::chrono::nanoseconds timeout) const;

 private:
  bool publish(const Claim& claim, RangeWord word) const;
  bool complete(size_t slot) const;
  bool anything_open(uint32_t worker) const;
  bool is_for(size_t slot, uint32_t worker) const;
};

}  // namespace millrace
