#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::test {

/// Time for workers of a pool, counted in rounds of a sleep instead of seconds: where Python's documentation calls
/// sleep(1), a worker goes to its next round, and no worker is ahead of one that works or will still get something.
///
/// So a call here takes exactly one round, whatever the machine, and what has been taken is what would have been.
class Rounds {
 public:
  explicit Rounds(uint32_t workers);
  explicit Rounds(OwnedFd memory);

  int fd() const { return segment_.fd(); }

  /// In the parent, before the calls: their chunks will be so many.
  void expect(uint32_t chunks);

  /// In the parent, after them: how many rounds they took.
  uint32_t taken() const;

  /// In a worker, once.
  void join();

  /// In a worker: one round of a chunk that takes `rounds`, of which this is number `i`.
  void sleep(uint32_t i, uint32_t rounds);

 private:
  static constexpr uint32_t kMaxWorkers = 8;

  struct Shared {
    std::atomic<uint32_t> workers;
    std::atomic<uint32_t> joined;
    std::atomic<uint32_t> chunks;
    std::atomic<uint32_t> started;
    std::atomic<uint32_t> changes;  // A futex: something below has changed.
    std::array<std::atomic<uint32_t>, kMaxWorkers> round;
    std::array<std::atomic<uint32_t>, kMaxWorkers> works;
  };

  Shared& shared() const;
  bool may_go_on() const;
  void tell();

  SharedSegment segment_;
  MappedSegment memory_;
  uint32_t me_ = 0;
};

}  // namespace millrace::test
