#include "millrace/sharing/pool/worker_seats.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "millrace/sharing/os/duplicate.h"

namespace millrace::multiprocessing::detail {
namespace {

using Clock = std::chrono::steady_clock;

// Between SIGTERM and SIGKILL.
constexpr auto kTerminateGrace = std::chrono::seconds(5);

// How long the word of how a worker ended may take, once it has.
constexpr auto kReportLimit = std::chrono::seconds(1);

}  // namespace

WorkerSeats::WorkerSeats(Making making, size_t seats, const CallBoard& board, const EventFd& bell, Epoll& events)
    : making_(std::move(making)), board_(board), bell_(bell), events_(events), workers_(seats) {}

bool WorkerSeats::is_anyone_there() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.process; });
}

std::vector<pid_t> WorkerSeats::pids() const {
  std::vector<pid_t> pids;
  for_each([&](uint16_t, pid_t pid) { pids.push_back(pid); });
  return pids;
}

void WorkerSeats::start(uint32_t seat) {
  Worker& worker = workers_[seat];
  auto [ours, theirs] = FdSocket::pair();
  const auto number = next_number();
  WorkerStart start{duplicate(board_.fd()), duplicate(bell_.fd()), theirs.take(), seat, number, making_.max_tasks};
  Process process(making_.method, run_pool_worker, start, making_.initializer);
  process.set_name("PoolWorker-" + std::to_string(number));
  process.set_daemon(true);
  process.start();
  events_.add(process.sentinel(), key_of(seat, Event::kDeath));
  events_.add(ours.fd(), key_of(seat, Event::kMessage));
  worker.process.emplace(std::move(process));
  worker.socket = std::move(ours);
  worker.number = number;
}

// Numbers come round, long after a worker that was given one has died.
uint16_t WorkerSeats::next_number() {
  const auto in_use = [this](uint16_t number) {
    return number == 0 ||
           std::any_of(workers_.begin(), workers_.end(), [&](const Worker& worker) { return worker.number == number; });
  };
  do ++last_number_;
  while (in_use(last_number_));
  return last_number_;
}

void WorkerSeats::kill(uint32_t seat) { workers_[seat].process->kill(); }

WorkerSeats::End WorkerSeats::bury(uint32_t seat) {
  Worker& worker = workers_[seat];
  events_.remove(worker.process->sentinel());
  events_.remove(worker.socket.fd());
  const pid_t pid = worker.process->pid().value();
  worker.process->join(kReportLimit);
  const End end{pid, worker.process->exitcode().value_or(255), worker.number};
  worker = {};
  return end;
}

void WorkerSeats::end_all() {
  for (Worker& worker : workers_)
    if (worker.process) worker.process->terminate();
  const auto deadline = Clock::now() + kTerminateGrace;
  for (Worker& worker : workers_) {
    if (!worker.process) continue;
    if (!worker.process->join(std::max<std::chrono::nanoseconds>(deadline - Clock::now(), {}))) worker.process->kill();
    worker.process->join();
    worker = {};
  }
}

}  // namespace millrace::multiprocessing::detail
