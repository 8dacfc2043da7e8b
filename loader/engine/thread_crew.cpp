#include "millrace/loader/engine/thread_crew.h"

#include <memory>

#include "millrace/sharing/os/start_thread.h"

namespace millrace {

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
      threads_.push_back(start_thread([own_place, own_role, own = std::shared_ptr<Source>(source.clone())] {
        Worker worker(own_place, *own, own_role);
        own_place.done.signal();
        worker.run([] { return false; });
      }));
    }
  } catch (...) {
    end();
    throw;
  }
}

void ThreadCrew::end() {
  board_.stop();
  for (auto& thread : threads_) thread.join();
}

ThreadCrew::~ThreadCrew() { end(); }

}  // namespace millrace
