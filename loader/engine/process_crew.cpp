#include "millrace/loader/engine/process_crew.h"

#include <chrono>
#include <csignal>
#include <variant>

#include "millrace/loader/engine/worker_protocol.h"
#include "millrace/sharing/codec/archive.h"

namespace millrace {

ProcessCrew::ProcessCrew(std::unique_ptr<WorkerProcesses> processes, const Place& place, EpollEvents& events)
    : processes_(std::move(processes)), place_(place), events_(events) {
  try {
    for (size_t w = 0; w < size(); ++w) attach(w);
  } catch (...) {
    end();
    throw;
  }
}

void ProcessCrew::attach(size_t worker) {
  WorkerProcess& process = of(worker);
  Beacon& beacon = place_.board.beacon(worker);
  beacon.phase.store(WorkerPhase::kStarting);
  beacon.incarnation.store(process.incarnation);

  Attachment attachment{place_.board.geometry(), place_.layout.batch_size(), place_.spec, std::nullopt};
  std::vector<int> fds = {place_.board_segment.fd(), place_.arena.segment().fd(), place_.done.fd()};
  if (place_.device_arena != nullptr) {
    attachment.device_arena = place_.device_arena->shape();
    fds.push_back(place_.device_arena->fd());
  }
  try {
    process.control.send(encode(TrainerMessage(attachment)).bytes, fds);
  } catch (const PeerGone&) {
    // The worker has ended already, which its pidfd tells.
  }
  process.is_attached = true;
  events_.watch(worker, process.child.pidfd().fd());
}

void ProcessCrew::replace(size_t worker) {
  processes_->start(worker);
  attach(worker);
}

std::optional<ProcessCrew::Death> ProcessCrew::bury(size_t worker) {
  WorkerProcess& process = of(worker);
  const auto status = process.child.wait(std::chrono::nanoseconds(0));
  if (!status) return std::nullopt;
  events_.forget(process.child.pidfd().fd());
  process.is_attached = false;
  Death death{worker, process.incarnation, process.child.pid(), *status, is_ready(worker), {}};
  if (!death.was_ready && death.status.code() == 1) death.start_error = start_error(worker);
  return death;
}

// Why a worker that is gone could not start; empty when it did not say. What it wanted to say is there already or never
// will be.
std::string ProcessCrew::start_error(size_t worker) {
  try {
    const auto message = processes_->told(worker);
    const auto* const failure = message ? std::get_if<StartFailure>(&*message) : nullptr;
    return failure ? failure->text : std::string();
  } catch (const std::exception& e) {
    return e.what();  // The worker wrote no message of ours, so its death is what has to be told.
  }
}

bool ProcessCrew::is_its(const Beacon& beacon, size_t worker) const {
  return beacon.incarnation.load(std::memory_order_relaxed) == of(worker).incarnation;
}

bool ProcessCrew::is_ready(size_t worker) const {
  const Beacon& beacon = place_.board.beacon(worker);
  return beacon.phase.load(std::memory_order_acquire) != WorkerPhase::kStarting && is_its(beacon, worker);
}

bool ProcessCrew::kill(size_t worker) {
  of(worker).child.kill(SIGKILL);
  return true;
}

int ProcessCrew::number_of(uint32_t incarnation) const {
  return incarnation == 0 ? -1 : static_cast<int>(processes_->place_of(incarnation));
}

bool ProcessCrew::all_ready() const {
  for (size_t w = 0; w < size(); ++w)
    if (!of(w).is_attached || !is_ready(w)) return false;
  return true;
}

bool ProcessCrew::has(uint32_t incarnation) const {
  return incarnation > 0 && of(processes_->place_of(incarnation)).incarnation == incarnation;
}

void ProcessCrew::end() {
  place_.board.stop();
  processes_->end();
}

}  // namespace millrace
