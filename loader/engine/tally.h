#pragma once

#include <cstdint>
#include <string>

#include "millrace/loader/stats.h"

namespace millrace {

/// What a loader has given and lost, and the one warning an epoch that tells of samples that were left out or replaced:
/// they make no error, so nobody would know. Used by the loader's thread.
class Tally {
 public:
  /// Counted by whoever does it.
  LoaderStats stats;

  /// A sample could not be read; `text` says why.
  void note_error(const std::string& text);

  /// A batch was copied, since the trainer held as many as it may. Tells so of the first one.
  void count_kept(int64_t held);

  /// At the end of `epoch`, or where it is left: warns once, since the next epochs lack the same samples, and once when
  /// an epoch had no others. What a handler of warnings throws, passes.
  void end_epoch(int64_t epoch);

  /// As end_epoch(), for the loader's end, which no exception may leave.
  void end(int64_t epoch) noexcept;

 private:
  LoaderStats before_epoch_;      // As they were when it began.
  std::string first_error_;       // Of the epoch.
  bool told_of_losses_ = false;   // That samples were left out or replaced.
  bool told_of_nothing_ = false;  // That there were no others.
};

}  // namespace millrace
