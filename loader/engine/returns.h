#pragma once

#include <cstdint>

#include "millrace/loader/engine/completion.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/slot_memory.h"

namespace millrace {

/// The way home of slots: from the user, from workers that still write what was left, and from devices that still read.
/// Used by the loader's thread, which says what time it is.
class Returns {
 public:
  using Time = Ledger::Time;

  /// `held` is DataLoaderOptions::held, for messages.
  Returns(int64_t held, SlotMemory& memory, InFlight& in_flight, const Completion& completion)
      : held_(held), memory_(memory), in_flight_(in_flight), completion_(completion) {}

  /// Takes in the slots that have come home, and frees those that nobody reads any more.
  void take_in();

  /// Throws where a loader without an open batch, which can only go on when a slot comes home, waits in vain:
  /// TooManyBatchesHeld when the user has held all slots since `since`, for two seconds, and std::logic_error when a
  /// graph capture of the thread's own keeps them.
  void require_one(Time since, Time now);

 private:
  void come_home(size_t slot);

  const int64_t held_;
  SlotMemory& memory_;
  InFlight& in_flight_;
  const Completion& completion_;
};

}  // namespace millrace
