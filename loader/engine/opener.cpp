#include "millrace/loader/engine/opener.h"

#include <iterator>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/counted.h"

namespace millrace {

void Opener::open_ahead(int64_t wanted) {
  for (auto open = static_cast<int64_t>(in_flight_.count(SlotState::kOpen)); open < wanted; ++open)
    if (!open_one()) return;
}

bool Opener::open_one() {
  if (cursor_.exhausted() || in_flight_.count(SlotState::kFree) == 0) return false;
  if (cursor_.begins_epoch()) seeds_.begin_epoch();
  const auto sequence = cursor_.plan_next(plan_, indices_);
  if (!sequence) return false;
  const size_t samples = traits_.streamed ? 1 : indices_.size();
  if (!plan_.error) plan_.error = complaint_about_indices();
  const size_t slot = in_flight_.open(*sequence, plan_, plan_.error ? 0 : board_.range_count(samples), indices_);
  if (!plan_.error) in_flight_.set_error(slot, put_on_board(slot, samples));
  return true;
}

// Why not, if it cannot be opened. Thrown from here the error would come while another batch is given, which would be
// lost, and at a time that depends on how many are opened ahead.
std::exception_ptr Opener::put_on_board(size_t slot, size_t samples) {
  try {
    tickets_.write(slot);
  } catch (...) {
    return std::current_exception();
  }
  const auto& batch = in_flight_[slot];
  board_.open(slot, batch.generation,
              {batch.sequence, static_cast<uint32_t>(samples), worker_for(in_flight_.plan(slot)), seeds_.base()});
  return nullptr;
}

// A stream stays with one worker, as long as it lives; PyTorch deals out batches in turns.
uint32_t Opener::worker_for(const BatchPlan& plan) const {
  const uint32_t workers = board_.geometry().workers;
  if (traits_.streamed) return static_cast<uint32_t>(plan.stream.stream % workers);
  if (options_.seed_mode() == SeedMode::kTorch) return static_cast<uint32_t>(plan.batch % workers);
  return Board::kAnyWorker;
}

// The error of indices that cannot be opened; null when they can.
std::exception_ptr Opener::complaint_about_indices() const {
  const auto samples = static_cast<int64_t>(source_.size());
  if (std::ssize(indices_) > options_.batch_size())
    return std::make_exception_ptr(
        std::out_of_range("the sampler gave a batch of " + counted(indices_.size(), "sample") + ", but batch_size is " +
                          std::to_string(options_.batch_size()) + ": set it to the largest batch of the sampler"));
  for (const int64_t index : indices_)
    if (index < 0 || index >= samples)
      return std::make_exception_ptr(std::out_of_range("the sampler gave index " + std::to_string(index) +
                                                       " for a dataset of " + counted(samples, "sample")));
  return nullptr;
}

}  // namespace millrace
