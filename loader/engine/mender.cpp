#include "millrace/loader/engine/mender.h"

#include <algorithm>
#include <span>
#include <utility>

#include "millrace/loader/sources/fill_request.h"
#include "millrace/sharing/os/counted.h"

namespace millrace {

bool Mender::mend(size_t slot, const Failures& failures, Tally& tally) {
  std::vector<Mend> mends;
  for (size_t range = 0; range < in_flight_[slot].range_deaths.size(); ++range)
    if (auto failure = failures.in(slot, range)) mends.push_back({range, *std::move(failure), {}});
  if (!judge_all(slot, mends)) return false;
  for (const auto& [range, failure, verdict] : mends) {
    const bool skip = verdict.kind == Verdict::Kind::kSkip;
    if (skip)
      tally.note_skipped(1, failure.text());
    else
      tally.note_replaced(failure.text());
    in_flight_.put_instead(slot, range, *failure.row, skip ? kNoSample : verdict.instead);
    tickets_.write(slot);
    board_.reopen(slot, range, in_flight_[slot].generation);
  }
  return !mends.empty();
}

// Decides about all failed ranges before any is opened again, since none may be where the batch is lost. A sample that
// stands in for one is no candidate for the next.
bool Mender::judge_all(size_t slot, std::vector<Mend>& mends) const {
  if (mends.empty()) return true;
  std::vector<int64_t> indices = in_flight_[slot].indices;
  for (auto& [range, failure, verdict] : mends) {
    const auto row = failure.row;
    const auto tried = row ? std::span(in_flight_.tried(slot, *row)) : std::span<const int64_t>();
    verdict = judge(options_.on_error(), row, indices, tried);
    if (verdict.kind == Verdict::Kind::kRaise) return false;
    indices[*row] = verdict.kind == Verdict::Kind::kSkip ? kNoSample : verdict.instead;
  }
  return true;
}

size_t Mender::inherit(const Supervisor::Estate& estate, const std::function<std::string(size_t, int64_t)>& name_of) {
  size_t read_again = 0;
  for (size_t slot = 0; slot < in_flight_.size(); ++slot) {
    const auto state = in_flight_[slot].state;
    if (state != SlotState::kOpen && state != SlotState::kDraining) continue;
    for (size_t range = 0; range < in_flight_[slot].range_deaths.size(); ++range) {
      const RangeWord word = board_.range(slot, range);
      if (word.state == RangeState::kClaimed && word.incarnation == estate.death.incarnation)
        read_again += inherit(estate, slot, range, name_of);
    }
  }
  return read_again;
}

// Streams do not say how many samples a batch of theirs has.
size_t Mender::samples_in(size_t slot, size_t range) const {
  const size_t in_range = board_.geometry().range_samples;
  const size_t in_batch = in_flight_[slot].indices.size();
  return std::min(in_range, in_batch - std::min(in_batch, range * in_range));
}

size_t Mender::inherit(const Supervisor::Estate& estate, size_t slot, size_t range,
                       const std::function<std::string(size_t, int64_t)>& name_of) {
  const auto& batch = in_flight_[slot];
  const auto& death = estate.death;
  if (batch.state == SlotState::kDraining) {
    board_.set(slot, range, {batch.generation, RangeState::kClosed, 0});
    return 0;
  }
  const int64_t deaths = in_flight_.count_death(slot, range);
  if (deaths <= options_.retries()) {
    tickets_.renew(slot);
    board_.reopen(slot, range, batch.generation);
    return samples_in(slot, range);
  }
  const std::string doing = estate.doing(name_of(slot, estate.sample));
  in_flight_.give_up(
      slot, range,
      {WorkerDied("worker " + std::to_string(death.worker) + " (pid " + std::to_string(death.pid) + ") " +
                      death.status.str() + " while " + doing + "; " + counted(deaths, "worker") + " died there, so " +
                      (options_.on_error() == OnError::kRaise ? "its batch" : "that sample") + " is given up",
                  death.pid, death.status, doing),
       estate.sample});
  board_.set(slot, range, {batch.generation, RangeState::kFailed, death.incarnation});
  return 0;
}

}  // namespace millrace
