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

  /// Takes what has come from all workers. Messages of batches that nobody waits for would fill a worker's socket, and
  /// then it could not go on. Throws BoardCorrupted for what is no message of ours.
  void collect();

  /// The same of one worker's socket: of one that died, the socket that it had.
  void collect(size_t worker, const FdSocket& socket);

  /// The message for a slot's batch. Throws DecodeError where there is none, and as collect().
  std::shared_ptr<Arrival> take(size_t slot);

 private:
  const Crew& crew_;
  const TrainerBoard& board_;
  InFlight& in_flight_;
  std::vector<uint64_t> opened_before_;  // By worker: board_.times_opened() when its socket was read last.
};

}  // namespace millrace
