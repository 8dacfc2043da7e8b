#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"

namespace millrace::multiprocessing {

namespace detail {
class SyncMemory;
}

/// The barrier was broken or reset while somebody waited, or is broken (Python's BrokenBarrierError).
class BrokenBarrier : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// multiprocessing.Barrier: a number of parties wait until all have come.
///
/// Thread safety: any number of threads and processes may use it at once. Moving and loading need that nobody uses the
/// object. Descriptors: one in each process that has it.
///
/// Invariants: of the parties that pass together each gets another number from 0 to parties - 1, in the order in which
/// they came; the action runs once, in the last one, before any of them goes on.
///
/// If a process dies here: while it waits, runs the action, or is inside any call, the barrier breaks within 100 ms and
/// the others throw BrokenBarrier, save for those that all had met. A party that dies before it comes is missed by
/// nobody but a timeout.
class Barrier {
 public:
  using Action = void (*)();

  /// No barrier: for a parameter that one is loaded into. Every other call throws std::logic_error.
  Barrier() = default;

  /// `action`: a function, or a lambda without captures (with a + before it). `timeout`: what wait() takes when it is
  /// given none. Throws std::invalid_argument for 0 parties, as Python.
  explicit Barrier(uint32_t parties, Action action = nullptr, Timeout timeout = std::nullopt);

  /// This party's number. Throws BrokenBarrier when the barrier is broken, or breaks, or when the timeout passes, which
  /// breaks it. What the action throws breaks it too and passes through.
  uint32_t wait();
  uint32_t wait(Timeout timeout);

  /// Throws out those who wait and makes the barrier whole.
  void reset();

  /// Breaks it, until reset().
  void abort();

  uint32_t parties() const;
  uint32_t n_waiting() const;
  bool broken() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  std::shared_ptr<detail::SyncMemory> block_;
  Action action_ = nullptr;
  Timeout timeout_ = std::nullopt;
};

}  // namespace millrace::multiprocessing
