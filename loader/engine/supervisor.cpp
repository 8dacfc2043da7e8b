#include "millrace/loader/engine/supervisor.h"

#include <algorithm>

#include "millrace/loader/errors.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/seconds_text.h"
#include "millrace/sharing/process/fork_server.h"

namespace millrace {
namespace {

constexpr auto kVacantLimit = std::chrono::seconds(30);  // As long as for any answer of the fork server.

constexpr int64_t kNobodysSample = -1;

std::chrono::nanoseconds since(const Beacon& beacon, Supervisor::Time now) {
  const int64_t then = beacon.since_ns.load(std::memory_order_relaxed);
  return std::chrono::nanoseconds(std::max<int64_t>(now.time_since_epoch().count() - then, 0));
}

std::string name(size_t worker, pid_t pid) {
  return "worker " + std::to_string(worker) + (pid > 0 ? " (pid " + std::to_string(pid) + ")" : std::string());
}

}  // namespace

std::string Supervisor::Estate::doing(const std::string& sample_name) const {
  std::string text = "reading " + sample_name;
  if (sample == kNobodysSample) text = "making a batch";
  if (phase == WorkerPhase::kInit) text = "running worker_init_fn";
  if (stuck_for) text += ", where it was stuck for " + seconds_text(*stuck_for);
  return text;
}

std::string Supervisor::Estate::str(const std::string& sample_name) const {
  const std::string ended = name(death.worker, death.pid) + " " + death.status.str();
  if (phase == WorkerPhase::kIdle) return ended + " while it was idle";
  if (phase == WorkerPhase::kStarting) return ended + " while building its dataset";
  return ended + " while " + doing(sample_name);
}

void Supervisor::require_crew() const {
  if (fatal_) throw WorkerStartError(*fatal_);
}

void Supervisor::give_up(const std::string& reason) {
  fatal_ = reason;
  throw WorkerStartError(reason);
}

FdSocket Supervisor::take_note(const Crew::Death& death, Time now) {
  const std::string who = name(death.worker, death.pid) + " ";
  if (!death.start_error.empty()) give_up(who + "could not build its dataset: " + printable_lines(death.start_error));
  int64_t& early = deaths_before_ready_[death.worker];
  early = death.was_ready ? 0 : early + 1;
  if (early > limits_.retries)
    give_up(who + death.status.str() + " before it had built its dataset, " + counted(early, "time") + " in a row");
  if (++deaths_without_batch_ > limits_.deaths_without_batch)
    give_up(who + death.status.str() + "; " + counted(limits_.deaths_without_batch, "worker") +
            " before it died without a batch completed");
  const Beacon& beacon = board_.beacon(death.worker);
  estates_.push_back({death, beacon.phase.load(std::memory_order_acquire),
                      beacon.sample.load(std::memory_order_relaxed), now + limits_.device_work, std::nullopt});
  if (const auto stuck = stuck_.extract(death.worker); stuck) estates_.back().stuck_for = stuck.mapped();
  vacancies_[death.worker] = who + death.status.str();
  return crew_.take_overflow(death.worker);
}

void Supervisor::fill_vacancies() {
  while (!vacancies_.empty()) {
    const auto [worker, why] = *vacancies_.begin();
    try {
      crew_.replace(worker);
    } catch (const ForkServerStopped& e) {
      server_stopped_ = e.what();
      return;
    } catch (const std::exception& e) {
      give_up(why + " and could not be replaced: " + e.what());
    }
    vacancies_.erase(worker);
  }
}

void Supervisor::require_workers(Time since, Time now) {
  if (vacancies_.empty() || now - since < kVacantLimit) return;
  give_up(vacancies_.begin()->second + " and could not be replaced within " + seconds_text(kVacantLimit) + ": " +
          server_stopped_);
}

void Supervisor::settle_estates(Time now, const std::function<void(const Estate&)>& inherit) {
  std::erase_if(estates_, [&](const Estate& estate) {
    if (estate.writable_until > now) return false;
    inherit(estate);
    return true;
  });
}

bool Supervisor::knows(uint32_t incarnation) const {
  return crew_.has(incarnation) ||
         std::ranges::any_of(estates_, [&](const Estate& estate) { return estate.death.incarnation == incarnation; });
}

void Supervisor::end_stuck(Time now, const std::function<std::string(int64_t)>& name_of) {
  if (!limits_.sample) return;
  watched_.resize(crew_.size(), {0, now});  // Not earlier: a worker is about to read its first sample.
  for (size_t w = 0; w < crew_.size(); ++w) {
    if (vacancies_.contains(w)) continue;
    const Beacon& beacon = board_.beacon(w);
    const bool reading = beacon.phase.load(std::memory_order_acquire) == WorkerPhase::kReading;
    const uint64_t started = beacon.samples_started.load(std::memory_order_relaxed);
    Watched& watched = watched_[w];
    if (!reading || started != watched.started) watched = {started, now};
    if (now - watched.since < *limits_.sample) continue;
    const auto stuck_for = now - watched.since;
    watched.since = now;
    if (!crew_.kill(w))
      throw LoaderTimeout("a worker thread is stuck for longer than sample_timeout and cannot be killed" +
                          what_workers_do(now, name_of));
    stuck_[w] = stuck_for;
  }
}

std::string Supervisor::what_workers_do(Time now, const std::function<std::string(int64_t)>& name_of) const {
  std::string text;
  for (size_t w = 0; w < crew_.size(); ++w) {
    const Beacon& beacon = board_.beacon(w);
    const auto phase = beacon.phase.load(std::memory_order_acquire);
    const int64_t sample = beacon.sample.load(std::memory_order_relaxed);
    text += (w == 0 ? ": " : ", ") + name(w, crew_.pid(w));
    const std::string duration = " for " + seconds_text(since(beacon, now));
    if (vacancies_.contains(w))
      text += " is dead and cannot be replaced: " + server_stopped_;
    else if (phase == WorkerPhase::kStarting)
      text += " builds its dataset";
    else if (phase == WorkerPhase::kIdle)
      text += " is idle" + duration;
    else if (phase == WorkerPhase::kInit)
      text += " runs worker_init_fn" + duration;
    else if (sample == kNobodysSample)
      text += " makes a batch" + duration;
    else
      text += " reads sample " + std::to_string(sample) + name_of(sample) + ", in this range" + duration;
    const std::string state = crew_.kernel_state(w);
    if (!state.empty()) text += " (" + state + ")";
  }
  return text;
}

}  // namespace millrace
