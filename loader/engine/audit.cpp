#include "millrace/loader/engine/audit.h"

#include <string>

#include "millrace/loader/engine/corrupted.h"

namespace millrace {
namespace {

// Words that are waited for must have somebody who will change them. Whether the others are as they should be is seen
// when their batch is given.
bool may_be(const RangeWord& word, size_t slot, size_t range, const InFlight& in_flight, const Supervisor& supervisor) {
  if (!word.pending()) return true;
  if (!is_on_board(in_flight, slot) || range >= in_flight[slot].range_deaths.size()) return false;
  if (word.generation != in_flight[slot].generation) return false;
  return word.state == RangeState::kOpen ? word.open() : supervisor.knows(word.incarnation);
}

}  // namespace

bool is_on_board(const InFlight& in_flight, size_t slot) {
  const auto state = in_flight[slot].state;
  return (state == SlotState::kOpen || state == SlotState::kDraining) && !in_flight.plan(slot).error;
}

void require_as_told(const TrainerBoard& board, size_t slot) {
  if (!board.is_as_told(slot)) throw overwritten(slot, "what workers are told of it");
}

void require_not_stopped(const TrainerBoard& board) {
  if (board.stopping()) throw overwritten("the word that tells workers to end");
}

void require_sound_board(const TrainerBoard& board, const InFlight& in_flight, const Crew& crew,
                         const Supervisor& supervisor) {
  require_not_stopped(board);
  for (size_t slot = 0; slot < in_flight.size(); ++slot) {
    if (is_on_board(in_flight, slot)) require_as_told(board, slot);
    for (size_t range = 0; range < board.geometry().ranges; ++range)
      if (!may_be(board.range(slot, range), slot, range, in_flight, supervisor))
        throw overwritten(slot, "range " + std::to_string(range) + " is held by nobody");
  }
  for (size_t worker = 0; worker < crew.size(); ++worker)
    if (!crew.is_its(board.beacon(worker), worker)) throw overwritten("the notes of worker " + std::to_string(worker));
}

}  // namespace millrace
