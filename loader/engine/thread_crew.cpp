#include "millrace/loader/engine/thread_crew.h"

#include <memory>
#include <utility>

#include "millrace/sharing/os/start_thread.h"

namespace millrace {
namespace {

// What a thread does, to the end of its dataset.
void read_until_stopped(const Worker::Place& place, std::shared_ptr<Source> source, const WorkerRole& role) {
  Worker worker(place, *source, role);
  place.done.signal();
  worker.run([] { return false; });
}

}  // namespace

ThreadCrew::ThreadCrew(TrainerBoard& board, const Worker::Place& place, const Source& source, const WorkerRole& role)
    : board_(board) {
  const auto workers = static_cast<size_t>(role.num_workers);
  overflows_.reserve(workers);  // The threads borrow what is in it.
  try {
    for (size_t w = 0; w < workers; ++w) {
      overflows_.push_back(FdSocket::pair());
      Worker::Place own_place = place;
      own_place.spill = &overflows_.back().second;
      WorkerRole own_role = role;
      own_role.number = static_cast<int>(w);
      own_role.incarnation = static_cast<uint32_t>(w) + 1;
      threads_.push_back(
          start_thread([this, own_place, own_role, own = std::shared_ptr<Source>(source.clone())]() mutable {
            read_until_stopped(own_place, std::move(own), own_role);
            ends_.release();
          }));
    }
  } catch (...) {
    end();
    throw;
  }
}

bool ThreadCrew::end_within(std::chrono::nanoseconds limit) {
  board_.stop();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (ended_ < threads_.size()) {
    if (!ends_.try_acquire_until(deadline)) return false;
    ++ended_;
  }
  return true;
}

void ThreadCrew::end() {
  board_.stop();
  for (auto& thread : threads_) thread.join();
}

ThreadCrew::~ThreadCrew() { end(); }

}  // namespace millrace
