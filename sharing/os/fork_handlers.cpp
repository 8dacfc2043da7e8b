#include "millrace/sharing/os/fork_handlers.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace millrace {
namespace {

struct Entry {
  ForkRank rank;
  ForkHandlers handlers;
};

// The handlers of this process, by rank. Ready before any code runs, since tables of any file register while they are
// loaded, and never destroyed, since programs fork from static destructors too.
struct Registry {
  std::mutex mutex;  // Held around a fork: what a library registers while it is loaded meanwhile counts from the next.
  std::vector<Entry>* entries = nullptr;
};
constinit Registry registry;

void run(void (*handler)()) {
  if (handler != nullptr) handler();
}

void prepare() {
  registry.mutex.lock();
  for (const auto& entry : *registry.entries) run(entry.handlers.prepare);
}

void release_in_parent() {
  for (auto entry = registry.entries->rbegin(); entry != registry.entries->rend(); ++entry) run(entry->handlers.parent);
  registry.mutex.unlock();
}

void release_in_child() {
  for (auto entry = registry.entries->rbegin(); entry != registry.entries->rend(); ++entry) run(entry->handlers.child);
  registry.mutex.unlock();
}

}  // namespace

void at_fork(ForkRank rank, const ForkHandlers& handlers) {
  const std::lock_guard lock(registry.mutex);
  if (registry.entries == nullptr) {
    registry.entries = new std::vector<Entry>;
    if (::pthread_atfork(&prepare, &release_in_parent, &release_in_child) != 0)
      throw std::runtime_error("pthread_atfork: no memory to register what happens at a fork");
  }
  auto& entries = *registry.entries;
  const auto later = [](ForkRank wanted, const Entry& entry) { return wanted < entry.rank; };
  entries.insert(std::upper_bound(entries.begin(), entries.end(), rank, later), {rank, handlers});
}

}  // namespace millrace
