#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/loader/engine/cursor.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/options.h"

namespace millrace {

/// The rule that says which of the batches on their way are complete, and whose turn it is. It owns nothing. Used by
/// the loader's thread.
class Completion {
 public:
  enum class Turn : uint8_t {
    kInOrder,              ///< The turn is that of the batch that was planned first, complete or not.
    kAsCompleted,          ///< The turn is that of the oldest batch that is complete.
    kInOrderOfEachStream,  ///< As kAsCompleted, but a stream's batches come in order, since its state is a position.
  };

  Completion(Turn turn, const InFlight& in_flight, const TrainerBoard& board, const Cursor& cursor)
      : turn_(turn), in_flight_(in_flight), board_(board), cursor_(cursor) {}

  /// Whether nobody has anything to do for the slot's batch any more, or ever had.
  bool is_complete(size_t slot) const;

  /// Whether every range was read without an error.
  bool is_sound(size_t slot) const;

  /// The slot of the complete batch whose turn it is; nullopt while there is none.
  std::optional<size_t> find() const;

  /// The sequence of the batch whose turn it is, where that batch is open and no other will do.
  std::optional<uint64_t> awaited() const;

  /// The slots of the open batches whose turn comes next, as far as that is known.
  std::vector<size_t> coming(size_t most) const;

  /// Whether all batches of the epoch that is delivered were planned, and none is open.
  bool epoch_is_over() const;

 private:
  const Turn turn_;
  const InFlight& in_flight_;
  const TrainerBoard& board_;
  const Cursor& cursor_;
};

/// The turn that the options ask for.
Completion::Turn turn_of(SourceTraits traits, const DataLoaderOptions& options);

}  // namespace millrace
