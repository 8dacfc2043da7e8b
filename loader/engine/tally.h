#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "millrace/loader/stats.h"

namespace millrace {

/// What a loader has given and lost, and the notices that tell of it: what makes no error would else go unseen. The
/// first of a kind is told at once, the others are counted and summed up when their epoch ends. Used by the loader's
/// thread.
class Tally {
 public:
  /// Counted by whoever does it, but for what has a function below.
  LoaderStats stats;

  /// A sample could not be read, which is told by an error; `text` is what that says.
  void note_error(const std::string& text);

  /// A batch was copied, since the trainer held as many as it may. Tells so of the first one.
  void count_kept(int64_t held);

  /// So many samples were left out, for the first of them because of `text`.
  void note_skipped(uint64_t samples, const std::string& text);

  /// A sample that could not be read was replaced by another.
  void note_replaced(const std::string& text);

  /// Workers that died before, and that others have told of.
  void note_earlier_deaths(uint64_t deaths);

  /// A worker died that is among stats.worker_deaths: `text` says how, and so many samples of its are read again.
  void note_death(const std::string& text, size_t read_again);

  /// At the end of `epoch`, or where it is left, or the loader's. Of samples it tells once, since the next epochs lack
  /// the same ones, and once when an epoch had no others; of deaths each time.
  void end_epoch(int64_t epoch);

 private:
  void note_lost(const std::string& text, const char* what_became_of_it);
  void sum_up_samples(int64_t epoch);
  void sum_up_deaths(int64_t epoch);

  LoaderStats before_epoch_;          // As they were when it began.
  std::string first_error_;           // Of the epoch.
  bool told_of_one_lost_ = false;     // A sample that was left out or replaced.
  bool told_of_losses_ = false;       // How many were, in an epoch.
  bool told_of_nothing_ = false;      // That there were no others.
  bool told_of_a_death_ = false;      // In any epoch,
  bool told_death_of_epoch_ = false;  // in this one.
};

}  // namespace millrace
