#pragma once

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/supervisor.h"
#include "millrace/loader/engine/trainer_board.h"

namespace millrace {

/// Whether the slot's words are on the board, so that workers may claim it or still hold ranges of it.
bool is_on_board(const InFlight& in_flight, size_t slot);

/// Throws BoardCorrupted when what workers are told of a slot was overwritten.
void require_as_told(const TrainerBoard& board, size_t slot);

/// Throws BoardCorrupted when the words that tell workers to end were overwritten.
void require_not_stopped(const TrainerBoard& board);

/// Compares all that workers go by with what the trainer knows, and throws BoardCorrupted where they differ. Any worker
/// may have overwritten it; workers are then idle for ever, end as if they had been told to, or leave rows out. For
/// waits that take long.
void require_sound_board(const TrainerBoard& board, const InFlight& in_flight, const Crew& crew,
                         const Supervisor& supervisor);

}  // namespace millrace
