#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/trainer_board.h"

namespace millrace {

/// Batches that are larger than a slot, which come by message through the workers' sockets. Used by the loader's
/// thread.
class Overflow {
 public:
  Overflow(const Crew& crew, const TrainerBoard& board, InFlight& in_flight)
      : crew_(crew), board_(board), in_flight_(in_flight), opened_before_(crew.size()) {}

  /// Takes the messages that have come from all workers. Those of batches that nobody waits for would otherwise fill a
  /// worker's socket, and stop the worker. Throws BoardCorrupted for a message that is none of ours.
  void collect();

  /// Takes the messages that have come through one worker's socket; `socket` is that of a dead worker where it died.
  void collect(size_t worker, const FdSocket& socket);

  /// Takes the message for a slot's batch. Throws DecodeError where there is none, and as collect().
  std::shared_ptr<Arrival> take(size_t slot);

 private:
  const Crew& crew_;
  const TrainerBoard& board_;
  InFlight& in_flight_;
  std::vector<uint64_t> opened_before_;  // By worker, board_.times_opened() when its socket was read last.
};

}  // namespace millrace
