#include "millrace/loader/engine/epoll_events.h"

#include <cstdint>

#include "millrace/sharing/os/look.h"

namespace millrace {
namespace {

// The keys of what wakes the trainer; workers are kFirstWorker + number.
enum WakeKey : uint64_t { kDone, kReturned, kFirstWorker };

}  // namespace

EpollEvents::EpollEvents(const EventFd& done, const EventFd& returned) : done_(done) {
  epoll_.add(done.fd(), kDone);
  epoll_.add(returned.fd(), kReturned);
}

void EpollEvents::watch(size_t worker, int fd) { epoll_.add(fd, kFirstWorker + worker); }

const std::vector<size_t>& EpollEvents::wait(std::chrono::nanoseconds limit) {
  workers_.clear();
  for (const uint64_t key : epoll_.wait(limit)) {
    if (key == kDone) done_.clear();
    if (key >= kFirstWorker) workers_.push_back(static_cast<size_t>(key - kFirstWorker));
  }
  return workers_;
}

bool EpollEvents::look_for_a_while(const std::function<bool()>& look) { return millrace::look_for_a_while(look); }

}  // namespace millrace
