#include "millrace/sharing/pool/task_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::multiprocessing::detail {

TaskTable::TaskTable(CallBoard& board) : board_(board) {
  for (uint32_t slot = CallBoard::kSlots; slot > 0; --slot) free_slots_.push_back(slot - 1);
}

void TaskTable::add(Task task) { waiting_.push_back(std::move(task)); }

const Task* TaskTable::on_board(uint32_t slot) const {
  const auto& task = on_board_.at(slot);
  return task ? &*task : nullptr;
}

void TaskTable::fill_board() {
  while (!waiting_.empty() && !free_slots_.empty()) {
    const uint32_t index = free_slots_.back();
    free_slots_.pop_back();
    auto& task = on_board_[index].emplace(std::move(waiting_.front()));
    waiting_.pop_front();
    awaited_each_ += task.job->awaited == Job::Awaited::kEachTask;
    auto& [bytes, fds] = task.calls.arguments;
    auto& slot = board_.slot(index);
    slot.function = task.function;
    slot.calls = static_cast<uint32_t>(task.calls.count);
    slot.elsewhere = !fds.empty() || bytes.size() > CallSlot::kInlineBytes;
    slot.bytes = 0;
    if (slot.elsewhere == 0) {
      slot.bytes = static_cast<uint32_t>(bytes.size());
      if (!bytes.empty()) std::memcpy(slot.content, bytes.data(), bytes.size());
      bytes = {};
    }
    board_.post(index);
  }
  // Results of a map are not waited for one by one. Then it is enough to be woken when the board runs low, or with
  // the last of them: waking up for each would cost more than a small call.
  board_.set_bell_below(awaited_each_ > 0 ? UINT32_MAX : waiting_.empty() ? 1 : CallBoard::kSlots / 2);
  board_.wake_workers();
}

void TaskTable::end(uint32_t index, Outcome outcome) {
  auto& task = on_board_[index];
  awaited_each_ -= task->job->awaited == Job::Awaited::kEachTask;
  ended_.push_back({std::move(*task), std::move(outcome)});
  task.reset();
  board_.free(index);
  free_slots_.push_back(index);
}

void TaskTable::collect_done() {
  for (uint32_t index = 0; index < CallBoard::kSlots; ++index) {
    if (!on_board_[index] || !board_.is_done(index)) continue;
    const auto& slot = board_.slot(index);
    const size_t bytes = std::min<size_t>(slot.bytes, CallSlot::kInlineBytes);
    Outcome outcome;
    outcome.result.bytes.assign(slot.content, slot.content + bytes);
    end(index, std::move(outcome));
  }
}

void TaskTable::fail_all(const std::exception_ptr& error) {
  for (uint32_t index = 0; index < CallBoard::kSlots; ++index)
    if (on_board_[index]) end(index, {{}, error});
  for (auto& task : std::exchange(waiting_, {})) ended_.push_back({std::move(task), {{}, error}});
}

}  // namespace millrace::multiprocessing::detail
