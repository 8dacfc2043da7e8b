#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "millrace/loader/stats.h"

namespace millrace {

/// What a loader has given and lost, and the notices that tell of it: losses that make no error would else go unseen.
/// The first of a kind is told at once; the others are counted, and summed up when their epoch ends. Used by the
/// loader's thread.
class Tally {
 public:
  /// The counts. Whoever does a thing counts it here, but for those that have a function below.
  LoaderStats stats;

  /// Notes a sample that could not be read, of which an error tells; `text` is what the error says.
  void note_error(const std::string& text);

  /// Counts a batch that was copied since the trainer held as many as it may. A notice tells of the first one.
  void count_kept(int64_t held);

  /// Notes that so many samples were left out, the first of them because of `text`.
  void note_skipped(uint64_t samples, const std::string& text);

  /// Notes that a sample was replaced by another, because of `text`.
  void note_replaced(const std::string& text);

  /// Notes workers that died before, and of which others have told.
  void note_earlier_deaths(uint64_t deaths);

  /// Notes the death of a worker that stats.worker_deaths counts: `text` says how, and so many of its samples are read
  /// again.
  void note_death(const std::string& text, size_t read_again);

  /// Sums up `epoch`, at its end, where it is left, or at the loader's end. Of samples it tells once, since the next
  /// epochs lack the same ones, and once when an epoch had no others; of deaths it tells each time.
  void end_epoch(int64_t epoch);

 private:
  void note_lost(const std::string& text, const char* what_became_of_it);
  void sum_up_samples(int64_t epoch);
  void sum_up_deaths(int64_t epoch);

  LoaderStats before_epoch_;          // The stats when the epoch began.
  std::string first_error_;           // The first error of the epoch.
  bool told_of_one_lost_ = false;     // Whether a notice told of a sample left out or replaced.
  bool told_of_losses_ = false;       // Whether one told how many such samples an epoch had.
  bool told_of_nothing_ = false;      // Whether one told of an epoch that had no others.
  bool told_of_a_death_ = false;      // Whether one told of a death, in any epoch.
  bool told_death_of_epoch_ = false;  // Whether one told of a death in this epoch.
};

}  // namespace millrace
