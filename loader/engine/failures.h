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
  std::optional<size_t> row;  ///< The sample's row in its batch; none if no sample is to blame.

  std::string text() const { return death ? death->what() : error->what(); }

  /// Throws the error that is set.
  [[noreturn]] void raise() const;
};

/// Tells what went wrong in finished ranges, from the board and from the ranges that were given up. Used by the
/// loader's thread.
class Failures {
 public:
  Failures(const InFlight& in_flight, const TrainerBoard& board, const Crew& crew)
      : in_flight_(in_flight), board_(board), crew_(crew) {}

  /// What went wrong in a range; nullopt when it is done. Throws BoardCorrupted when it is neither done nor failed.
  /// REQUIRES: it is not pending.
  std::optional<Failure> in(size_t slot, size_t range) const;

  /// What went wrong in the first range in batch order that failed, so that it does not depend on who was faster.
  std::optional<Failure> first_in(size_t slot) const;

 private:
  std::optional<Failure> of_given_up(size_t slot, size_t range, const GivenUp& given_up) const;

  const InFlight& in_flight_;
  const TrainerBoard& board_;
  const Crew& crew_;
};

}  // namespace millrace
