#pragma once

#include <memory>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"

namespace millrace::multiprocessing {

namespace detail {
class SyncMemory;
}

/// multiprocessing.Event: a flag that processes wait for.
///
/// Thread safety: any number of threads and processes may use it at once. Moving and loading need that nobody uses the
/// object. Descriptors: none of its own, see detail::SyncMemory.
///
/// Invariants: what was written before set() is seen after wait() returned true. A set() that is followed by clear() at
/// once still ends the waits that had begun (Python's may miss it).
///
/// If a process dies here: no lock is involved, so nothing is left behind. wait() without a timeout lasts until some
/// process calls set(), as it cannot be known which one was going to.
class Event {
 public:
  Event();

  bool is_set() const;
  void set();
  void clear();

  /// True once the flag is set, false when `timeout` passed first.
  bool wait(Timeout timeout = std::nullopt) const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  std::shared_ptr<detail::SyncMemory> block_;
};

}  // namespace millrace::multiprocessing
