#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "millrace/loader/engine/failures.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/supervisor.h"
#include "millrace/loader/engine/tally.h"
#include "millrace/loader/engine/tickets.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/verdict.h"
#include "millrace/loader/options.h"

namespace millrace {

/// Opens ranges again: those whose reader died, and those with a sample that could not be read, where that sample is to
/// be left out or replaced. Used by the loader's thread.
class Mender {
 public:
  Mender(const DataLoaderOptions& options, InFlight& in_flight, TrainerBoard& board, const Tickets& tickets)
      : options_(options), in_flight_(in_flight), board_(board), tickets_(tickets) {}

  /// Opens the failed ranges of a complete batch again, without the sample that could not be read or with another in
  /// its place, and counts that. False, with nothing changed, when there is nothing to mend, or a range that cannot be
  /// mended.
  bool mend(size_t slot, const Failures& failures, Tally& tally);

  /// Decides what becomes of the ranges that a dead worker held, when it can write nothing any more. They are opened
  /// again, or given up after as many deaths as options.retries() allows. `name_of` says what a sample is called in
  /// messages: "sample 5 (cats/5.jpg)". Gives the number of samples that are read again.
  size_t inherit(const Supervisor::Estate& estate, const std::function<std::string(size_t slot, int64_t)>& name_of);

 private:
  // A failed range, and what is done about it.
  struct Mend {
    size_t range;
    Failure failure;
    Verdict verdict;
  };

  bool judge_all(size_t slot, std::vector<Mend>& mends) const;
  size_t inherit(const Supervisor::Estate& estate, size_t slot, size_t range,
                 const std::function<std::string(size_t, int64_t)>& name_of);
  size_t samples_in(size_t slot, size_t range) const;

  const DataLoaderOptions& options_;
  InFlight& in_flight_;
  TrainerBoard& board_;
  const Tickets& tickets_;
};

}  // namespace millrace
