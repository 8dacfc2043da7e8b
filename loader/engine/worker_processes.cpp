#include "millrace/loader/engine/worker_processes.h"

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/engine/worker_main.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/os/deadline.h"

namespace millrace {
namespace {

constexpr auto kStopGrace = std::chrono::seconds(2);
constexpr auto kExitGrace = std::chrono::seconds(5);

}  // namespace

WorkerProcesses::WorkerProcesses(Plan plan)
    : plan_(std::move(plan)), workers_(static_cast<size_t>(plan_.role.num_workers)) {
  try {
    for (size_t w = 0; w < workers_.size(); ++w) start(w);
  } catch (...) {
    end();
    throw;
  }
}

void WorkerProcesses::start(size_t worker) {
  const size_t incarnation = workers_[worker].incarnation == 0 ? worker + 1 : workers_[worker].incarnation + size();
  if (incarnation >= RangeWord::kMaxIncarnation)
    throw std::runtime_error("this loader has started as many workers as it can count; make a new one");
  auto [ours, theirs] = FdSocket::pair();

  WorkerStart start;
  start.number = static_cast<int32_t>(worker);
  start.num_workers = plan_.role.num_workers;
  start.incarnation = static_cast<uint32_t>(incarnation);
  start.seed_mode = plan_.role.seed_mode;
  if (plan_.role.init != nullptr) start.init = identify(plan_.role.init);
  if (plan_.method == StartMethod::kFork)
    start.live_source = reinterpret_cast<uint64_t>(plan_.live);
  else
    start.rebuild = plan_.travelling->rebuild;
  EncodeArchive archive;
  archive(start);
  archive.attach(theirs.fd());
  Encoded message = archive.take();
  auto fds = message.fd_numbers();
  if (plan_.method != StartMethod::kFork) {
    const Encoded& dataset = plan_.travelling->content;
    message.bytes.insert(message.bytes.end(), dataset.bytes.begin(), dataset.bytes.end());
    for (const auto& fd : dataset.fds) fds.push_back(fd.get());
  }
  Child child =
      start_child(plan_.method, {&worker_main, std::move(message.bytes), fds, "worker " + std::to_string(worker)});
  // Where start_child() throws, the place remains the dead worker's, whose notes the board has.
  workers_[worker] = {std::move(child), std::move(ours), start.incarnation, false};
}

size_t WorkerProcesses::place_of(uint32_t incarnation) const { return (incarnation - 1) % size(); }

std::optional<WorkerMessage> WorkerProcesses::told(size_t worker) {
  FdSocket& control = workers_[worker].control;
  Arrival arrival;
  const auto received = control.try_receive_into(arrival);
  if (received == FdSocket::Received::kEndOfFile) control.close();
  if (received != FdSocket::Received::kMessage) return std::nullopt;
  DecodeArchive archive(arrival.bytes(), arrival.fds);
  WorkerMessage message;
  archive(message);
  return message;
}

// Bounded even for a process in an uninterruptible system call, which does not die. It holds no lock of ours.
void WorkerProcesses::end() {
  for (auto& worker : workers_)
    if (!worker.is_attached) worker.control.hang_up();  // Forked ones have a copy of our end themselves.
  const Deadline stopped(kStopGrace);
  for (auto& worker : workers_)
    if (worker.child && worker.child.wait(stopped.left())) worker.child = {};
  for (auto& worker : workers_)
    if (worker.child) worker.child.kill(SIGKILL);
  const Deadline killed(kExitGrace);
  for (auto& worker : workers_)
    if (worker.child) worker.child.wait(killed.left());
  for (auto& worker : workers_) worker.child = {};
}

}  // namespace millrace
