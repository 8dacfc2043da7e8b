#include "millrace/tests/sharing/pool/rounds.h"

#include <algorithm>
#include <chrono>
#include <new>

#include "millrace/sharing/os/futex.h"

namespace millrace::test {

Rounds::Rounds(uint32_t workers)
    : segment_(SharedSegment::create("rounds", sizeof(Shared), "")), memory_(segment_, Access::kReadWrite) {
  new (memory_.data()) Shared{};
  shared().workers = workers;
}

Rounds::Rounds(OwnedFd memory)
    : segment_(SharedSegment::adopt(std::move(memory))), memory_(segment_, Access::kReadWrite) {}

Rounds::Shared& Rounds::shared() const { return *reinterpret_cast<Shared*>(memory_.data()); }

void Rounds::expect(uint32_t chunks) {
  shared().chunks = chunks;
  shared().started = 0;
  for (auto& round : shared().round) round = 0;
}

uint32_t Rounds::taken() const {
  return std::max_element(shared().round.begin(), shared().round.end(),
                          [](const auto& a, const auto& b) { return a.load() < b.load(); })
      ->load();
}

void Rounds::join() { me_ = shared().joined++; }

void Rounds::sleep(uint32_t i, uint32_t rounds) {
  auto& s = shared();
  if (i == 0) {
    s.works[me_] = 1;  // First, so that who counts all chunks as started sees who works.
    ++s.started;
  }
  ++s.round[me_];
  tell();
  while (!may_go_on()) {
    const uint32_t seen = s.changes;
    if (!may_go_on()) futex_wait(s.changes, seen, std::chrono::seconds(1));
  }
  if (i + 1 == rounds) {
    s.works[me_] = 0;
    tell();
  }
}

// The others are as far, or have nothing more to do.
bool Rounds::may_go_on() const {
  const auto& s = shared();
  for (uint32_t other = 0; other < s.workers; ++other) {
    const bool out_of_work = s.started == s.chunks && s.works[other] == 0;
    if (s.round[other] < s.round[me_] && !out_of_work) return false;
  }
  return true;
}

void Rounds::tell() {
  ++shared().changes;
  futex_wake_all(shared().changes);
}

}  // namespace millrace::test
