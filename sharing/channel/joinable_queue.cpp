#include "millrace/sharing/channel/joinable_queue.h"

#include <array>
#include <atomic>
#include <string>
#include <utility>

#include "millrace/sharing/os/futex.h"
#include "millrace/sharing/os/relax_cpu.h"
#include "millrace/sharing/sync/guard.h"
#include "millrace/sharing/sync/process_identity.h"

namespace millrace::multiprocessing {
namespace {

std::string describe(uint64_t count, const std::vector<pid_t>& processes) {
  std::string text = std::to_string(count) + " task(s) of a JoinableQueue will never be done: ";
  if (processes.empty()) return text + "a process ended while it put or got them";
  text += "they were taken by processes that have ended without task_done(), pid";
  for (const pid_t pid : processes) text += ' ' + std::to_string(pid);
  return text;
}

}  // namespace

TasksLost::TasksLost(uint64_t count, std::vector<pid_t> processes)
    : std::runtime_error(describe(count, processes)), count_(count), processes_(std::move(processes)) {}

namespace detail {

/// One process. Its counts are written by that process only.
struct TaskHolder {
  std::atomic<pid_t> pid = 0;  ///< 0: free.
  std::atomic<uint64_t> start_time = 0;
  std::atomic<int64_t> held = 0;    ///< Taken and not done. Negative when it finished tasks that others had taken.
  std::atomic<int32_t> taking = 0;  ///< Threads that may have taken a message without having counted it yet.

  ProcessIdentity who() const { return {pid.load(), start_time.load()}; }
};

struct TaskState {
  static constexpr size_t kProcesses = 1024;

  RobustMutex mutex;  ///< For entering the table, and finding what was lost.
  std::atomic<uint64_t> done = 0;
  std::atomic<uint64_t> lost = 0;  ///< Tasks among the done ones that were given up.
  std::atomic<uint32_t> waiting = 0;
  std::atomic<uint32_t> progress = 0;  ///< Futex of join().
  std::array<TaskHolder, kProcesses> holders;
};

namespace {

// How often join() looks for processes that have died.
constexpr std::chrono::milliseconds kLookAgain{50};

class Taking {
 public:
  explicit Taking(TaskHolder& holder) : holder_(holder) { holder_.taking.fetch_add(1); }
  Taking(const Taking&) = delete;
  Taking& operator=(const Taking&) = delete;
  ~Taking() { holder_.taking.fetch_sub(1); }

 private:
  TaskHolder& holder_;
};

// Whether there was a moment since the call at which no thread of a living process was taking. It takes them a
// microsecond, unless they are put off the processor within it.
bool seen_at_rest(const TaskHolder& holder) {
  for (int i = 0; i < 1000; ++i) {
    if (holder.taking.load() == 0) return true;
    relax_cpu();
  }
  return false;
}

void wake_joiners(TaskState& state) {
  if (state.waiting.load() == 0 || state.waiting.exchange(0) == 0) return;
  state.progress.fetch_add(1);
  futex_wake_all(state.progress);
}

}  // namespace

TaskLedger::TaskLedger() : memory_(create_memory<TaskState>("tasks", 0)) {}

TaskState& TaskLedger::state() const {
  if (!memory_) throw std::logic_error("a queue is used after it was closed or moved away");
  return memory_->as<TaskState>();
}

TaskHolder& TaskLedger::own() {
  auto& s = state();
  const auto self = this_process();
  const auto slot = [&](size_t i) -> TaskHolder& {
    return s.holders[(static_cast<size_t>(self.pid) + i) % s.holders.size()];
  };
  for (size_t i = 0; i < s.holders.size() && slot(i).pid.load() != 0; ++i)
    if (slot(i).who() == self) return slot(i);

  const Guard guard(s.mutex);
  for (size_t i = 0; i < s.holders.size(); ++i) {
    auto& holder = slot(i);
    const auto who = holder.who();
    if (who == self) return holder;
    if (who.pid != 0 && is_alive(who)) continue;
    holder.taking.store(0);
    holder.held.store(0);
    holder.start_time.store(self.start_time);
    holder.pid.store(self.pid);
    return holder;
  }
  throw std::runtime_error("more than " + std::to_string(s.holders.size()) +
                           " processes take tasks from one JoinableQueue");
}

Arrival TaskLedger::get(MessageQueue& queue, const Deadline& deadline) {
  auto& holder = own();
  Arrival message;
  for (;;) {
    const bool last_try = deadline.passed();  // As in MessageQueue::get().
    {
      const Taking taking(holder);
      if (queue.try_get(message)) {
        holder.held.fetch_add(1);
        return message;
      }
    }
    if (last_try || !queue.wait_for_message(deadline)) throw Empty("the queue is empty");
  }
}

void TaskLedger::task_done(MessageQueue& queue) {
  auto& s = state();
  const uint64_t put = queue.put_count();
  uint64_t done = s.done.load();
  do {
    if (done >= put) throw std::logic_error("task_done() was called more often than messages were put");
  } while (!s.done.compare_exchange_weak(done, done + 1));
  own().held.fetch_sub(1);  // After `done`: a task counted twice for a moment is not taken for lost.
  if (done + 1 >= put) wake_joiners(s);
}

void TaskLedger::join(MessageQueue& queue, const Deadline& deadline) {
  auto& s = state();
  const uint64_t lost_before = s.lost.load();
  std::vector<pid_t> processes;
  for (;;) {
    const uint32_t progress = s.progress.load();
    s.waiting.store(1);
    if (s.done.load() < queue.put_count()) find_lost(queue, processes);
    if (const uint64_t lost = s.lost.load(); lost != lost_before) throw TasksLost(lost - lost_before, processes);
    if (s.done.load() >= queue.put_count()) return;
    if (deadline.passed()) throw TimeoutError("not all tasks of a queue were done within the timeout");
    futex_wait(s.progress, progress, deadline.left(kLookAgain));
  }
}

// Gives up the tasks that are neither in the queue nor done nor held by a living process.
//
// The order of reading errs to one side only: a task that is taken, or done, meanwhile makes the difference smaller.
void TaskLedger::find_lost(MessageQueue& queue, std::vector<pid_t>& processes) {
  auto& s = state();
  const Guard guard(s.mutex);
  const uint64_t taken = queue.count().taken;
  int64_t held = 0;
  std::vector<TaskHolder*> dead;
  for (auto& holder : s.holders) {
    if (holder.taking.load() == 0 && holder.held.load() == 0) continue;
    if (!is_alive(holder.who())) {
      if (holder.held.load() > 0) dead.push_back(&holder);
      continue;
    }
    if (!seen_at_rest(holder)) return;
    held += holder.held.load();
  }
  uint64_t done = s.done.load();
  const int64_t lost = static_cast<int64_t>(taken) - static_cast<int64_t>(done) - held;
  if (lost <= 0) return;
  // Whoever finishes one meanwhile makes it fail; then we look again later.
  if (!s.done.compare_exchange_strong(done, done + static_cast<uint64_t>(lost))) return;
  for (auto* holder : dead) {
    processes.push_back(holder->pid.load());
    holder->held.store(0);
  }
  s.lost.fetch_add(static_cast<uint64_t>(lost));
  wake_joiners(s);
}

void TaskLedger::save(EncodeArchive& archive) const {
  state();
  memory_->send(archive);
}

void TaskLedger::load(DecodeArchive& archive) { memory_ = SyncMemory::receive(archive, sizeof(TaskState)); }

}  // namespace detail
}  // namespace millrace::multiprocessing
