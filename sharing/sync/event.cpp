#include "millrace/sharing/sync/event.h"

#include <atomic>

#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/os/futex.h"
#include "millrace/sharing/sync/sync_memory.h"

namespace millrace::multiprocessing {
namespace {

// The lowest bit is the flag, the others count the calls of set().
struct EventState {
  std::atomic<uint32_t> word = 0;
};
constexpr uint32_t kFlag = 1;
constexpr uint32_t kOneSet = 2;

constexpr const char* kEvent = "an Event";
constexpr auto kSlice = std::chrono::hours(1);  // A futex wants a limit; any will do.

}  // namespace

Event::Event() : block_(detail::create_memory<EventState>("millrace event", 0)) {}

bool Event::is_set() const { return (block_->as<EventState>().word.load() & kFlag) != 0; }

void Event::set() {
  auto& word = block_->as<EventState>().word;
  uint32_t seen = word.load();
  while (!word.compare_exchange_weak(seen, (seen + kOneSet) | kFlag)) {
  }
  futex_wake_all(word);
}

void Event::clear() { block_->as<EventState>().word.fetch_and(~kFlag); }

bool Event::wait(Timeout timeout) const {
  const auto& word = block_->as<EventState>().word;
  const detail::Deadline deadline(timeout);
  const uint32_t first = word.load();
  for (uint32_t seen = first;; seen = word.load()) {
    // Had it been set before we came, or set since then, cleared again or not.
    if ((seen & kFlag) != 0 || seen / kOneSet != first / kOneSet) return true;
    if (deadline.passed()) return false;
    futex_wait(word, seen, deadline.left(kSlice));
  }
}

void Event::save(EncodeArchive& archive) const {
  millrace::detail::save_kind(archive, kEvent);
  block_->send(archive);
}

void Event::load(DecodeArchive& archive) {
  millrace::detail::load_kind(archive, kEvent);
  block_ = detail::SyncMemory::receive(archive, sizeof(EventState));
}

}  // namespace millrace::multiprocessing
