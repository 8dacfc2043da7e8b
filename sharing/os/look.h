#pragma once

#include <chrono>

#include "millrace/sharing/os/relax_cpu.h"

namespace millrace {

/// Calls `look` until it is true, for about as long as falling asleep and being woken would cost. Gives whether it was
/// true. So what a trainer and its workers exchange every few microseconds costs neither of them a system call.
template <class Look>
bool look_for_a_while(Look&& look) {
  constexpr auto kAsLongAsAWakeUp = std::chrono::microseconds(20);
  constexpr int kLooksBetweenClocks = 16;
  const auto end = std::chrono::steady_clock::now() + kAsLongAsAWakeUp;
  do {
    for (int i = 0; i < kLooksBetweenClocks; ++i) {
      if (look()) return true;
      relax_cpu();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace millrace
