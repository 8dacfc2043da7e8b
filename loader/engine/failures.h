#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/errors.h"

namespace millrace {

/// What went wrong in a range: its readers died, or one of them reported an error.
struct Failure {
  std::optional<WorkerDied> death;
  std::optional<SampleError> error;
  std::optional<size_t> row;  ///< Of the sample in its batch; none when it is no sample's fault.

  std::string text() const { return death ? death->what() : error->what(); }

  /// Throws the one that there is.
  [[noreturn]] void raise() const;
};

/// Tells from the board and from what was given up what went wrong in finished ranges. Used by the loader's thread.
class Failures {
 public:
  Failures(const InFlight& in_flight, const TrainerBoard& board, const Crew& crew)
      : in_flight_(in_flight), board_(board), crew_(crew) {}

  /// nullopt when the range is done. Throws BoardCorrupted when it is neither done nor failed. REQUIRES: it is not
  /// pending.
  std::optional<Failure> in(size_t slot, size_t range) const;

  /// Of the first range in batch order that failed, so that it does not depend on who was faster.
  std::optional<Failure> first_in(size_t slot) const;

 private:
  std::optional<Failure> of_given_up(size_t slot, size_t range, const GivenUp& given_up) const;

  const InFlight& in_flight_;
  const TrainerBoard& board_;
  const Crew& crew_;
};

}  // namespace millrace
