#include "millrace/sharing/pool/pool.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/duplicate.h"
#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/sharing/os/signals_blocked.h"
#include "millrace/sharing/os/start_thread.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/pool/call_board.h"
#include "millrace/sharing/pool/function_table.h"
#include "millrace/sharing/pool/task_table.h"
#include "millrace/sharing/pool/worker.h"
#include "millrace/sharing/pool/worker_seats.h"
#include "millrace/sharing/process/kernel_state.h"

namespace millrace::multiprocessing {
namespace {

using detail::EndedTask;
using detail::ItemFeed;
using detail::Job;
using detail::Outcome;
using detail::PoolFunction;
using detail::PoolMessage;
using detail::PoolMessageHead;
using detail::PoolTask;
using detail::WorkerSeats;

// So many workers in a row that die before they are ready are no accident, where none is at work.
constexpr int kFailedStarts = 10;

}  // namespace

// The pool's ledger: which call is where. Everything in it belongs to `mutex_`, save for what says otherwise.
class Pool::Core final : public detail::PoolWorkers {
 public:
  explicit Core(const PoolOptions& options)
      : board_(static_cast<uint32_t>(seats(options))), seats_(making(options), seats(options), board_, bell_, events_) {
    events_.add(bell_.fd(), kBell);
    try {
      for (uint32_t seat = 0; seat < seats_.size(); ++seat) seats_.start(seat);
      const SignalsBlocked blocked;
      thread_ = start_thread([this] { run(); });
    } catch (...) {
      seats_.end_all();
      throw;
    }
  }

  ~Core() override { stop(); }

  void stop() {
    terminate();
    if (thread_.joinable()) thread_.join();
  }

  bool on_own_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

  size_t processes() const { return seats_.size(); }

  std::vector<pid_t> pids() {
    require_owner();
    const std::lock_guard lock(mutex_);
    return seats_.pids();
  }

  std::string what_they_do() override {
    const std::lock_guard lock(mutex_);
    std::string text;
    seats_.for_each([&](uint16_t number, pid_t pid) {
      text += "worker " + std::to_string(number) + ", " + process_and_state(pid);
      const auto slot = board_.running(number);
      const auto* const task = slot ? tasks_.on_board(*slot) : nullptr;
      text += task ? ", runs " + call_text(*task) + "; " : ", has no call; ";
    });
    const auto waiting = tasks_.waiting();
    return text + counted(waiting, "task") + (waiting == 1 ? " waits for its turn" : " wait for their turn");
  }

  void submit(std::shared_ptr<Job> job, PoolFunction function, std::vector<PoolTask> tasks) {
    require_owner();
    const std::lock_guard lock(mutex_);
    require_open();
    take(std::move(job), function, std::move(tasks));
  }

  // More calls of an imap, which may come after close() as long as it had begun before.
  void submit_more(std::shared_ptr<Job> job, PoolFunction function, std::vector<PoolTask> tasks) {
    require_owner();
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kTerminated) throw terminated();
    if (broken_) std::rethrow_exception(broken_);
    take(std::move(job), function, std::move(tasks));
  }

  // The workers stay from before a feed is made until it has no more calls to give.
  void open_feed() {
    require_owner();
    const std::lock_guard lock(mutex_);
    require_open();
    ++open_feeds_;
  }

  void remember(const std::shared_ptr<ItemFeed>& feed) {
    const std::lock_guard lock(mutex_);
    std::erase_if(feeds_, [](const auto& known) { return known.expired(); });
    feeds_.push_back(feed);
  }

  void close_feed() {
    if (!is_owner()) return;
    const std::lock_guard lock(mutex_);
    --open_feeds_;
    bell_.signal();
  }

  static PoolTerminated terminated() { return PoolTerminated("the pool was terminated before this call had ended"); }

 private:
  void require_open() const {
    if (phase_ != Phase::kOpen) throw std::logic_error("the pool takes no more calls: it was closed or terminated");
    if (broken_) std::rethrow_exception(broken_);
  }

  void take(std::shared_ptr<Job> job, PoolFunction function, std::vector<PoolTask> tasks) {
    const uint32_t number = functions_.number_of(function);
    for (auto& task : tasks) tasks_.add({job, number, std::move(task)});
    tasks_.fill_board();
  }

 public:
  bool is_owner() const { return owner_ == own_pid(); }

  // Throws in a forked child, where the pool's thread does not exist, and may have held the mutex.
  void require_owner() const {
    if (!is_owner())
      throw std::logic_error("this pool belongs to process " + std::to_string(owner_) +
                             " and can be used only in the process that made it, not in " + std::to_string(own_pid()) +
                             ", which was forked from it: make a pool of its own there");
  }

  void close() {
    require_owner();
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kOpen) phase_ = Phase::kClosed;
    bell_.signal();
  }

  void terminate() {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::kTerminated;
    bell_.signal();
  }

  // `self` is this one.
  void join(const std::weak_ptr<PoolWorkers>& self) {
    require_owner();
    {
      const std::lock_guard lock(mutex_);
      if (phase_ == Phase::kOpen) throw std::logic_error("join() of a pool that is still open: close() it first");
    }
    detail::require_other_thread();
    for (const auto& feed : feeds()) feed->drain();
    std::unique_lock lock(mutex_);
    detail::wait_for_pool(
        lock, left_, std::nullopt, [this] { return all_left_; }, "the workers of a pool to leave", self);
  }

 private:
  enum class Phase { kOpen, kClosed, kTerminated };

  static constexpr uint64_t kBell = UINT64_MAX;  // No key of a seat.

  static size_t seats(const PoolOptions& options) {
    if (options.processes_ < 0)
      throw std::invalid_argument("a pool of " + counted(options.processes_, "process") + " was asked for");
    return static_cast<size_t>(options.processes_ == 0 ? processors().allowed : options.processes_);
  }

  static WorkerSeats::Making making(const PoolOptions& options) {
    WorkerSeats::Making making{options.method_ ? *options.method_ : get_start_method(), options.maxtasksperchild_,
                               std::nullopt};
    if (options.initializer_) {
      const auto& call = *options.initializer_;
      making.initializer.emplace(detail::Initializer{call.target, call.arguments.bytes, {}});
      for (const auto& fd : call.arguments.fds) making.initializer->fds.push_back(duplicate(fd.get()));
    }
    return making;
  }

  // The pool's thread: brings results and replaces workers, until all have left.
  void run() {
    detail::this_thread_brings_results();
    ::pthread_setname_np(::pthread_self(), "millrace-pool");
    for (bool goes_on = true; goes_on;) {
      try {
        goes_on = step();
      } catch (const std::exception& e) {
        const std::lock_guard lock(mutex_);
        break_down(std::string("the pool cannot go on: ") + e.what());
        phase_ = Phase::kTerminated;
      }
    }
    const std::lock_guard lock(mutex_);
    all_left_ = true;
    left_.notify_all();
  }

  // False when there is nothing left to do.
  bool step() {
    if (board_.may_sleep()) {
      const auto& ready = events_.wait(std::nullopt);
      board_.woke_up();
      attend(ready);
    }
    std::vector<EndedTask> ended;
    bool goes_on = true;
    {
      const std::lock_guard lock(mutex_);
      tasks_.collect_done();
      if (phase_ == Phase::kTerminated) {
        seats_.end_all();
        tasks_.fail_all(std::make_exception_ptr(terminated()));
      } else {
        tasks_.fill_board();
        if (phase_ == Phase::kClosed && is_idle() && !std::exchange(dismissed_, true)) board_.close();
      }
      goes_on = seats_.is_anyone_there() || phase_ == Phase::kOpen;
      ended = tasks_.take_ended();
    }
    // Called without the mutex, since callbacks may submit.
    for (auto& [task, outcome] : ended) task.job->finish(task.calls.first, task.calls.count, std::move(outcome));
    return goes_on;
  }

  void attend(const std::vector<uint64_t>& ready) {
    const std::lock_guard lock(mutex_);
    std::vector<uint32_t> dead;
    for (const uint64_t key : ready) {
      if (key == kBell)
        bell_.clear();
      else if (WorkerSeats::event_of(key) == WorkerSeats::Event::kMessage)
        read_messages(WorkerSeats::seat_of(key));
      else
        dead.push_back(WorkerSeats::seat_of(key));
    }
    for (const uint32_t seat : dead) bury(seat);
  }

  // Calls

  bool is_idle() const { return tasks_.is_empty() && open_feeds_ == 0; }

  std::vector<std::shared_ptr<ItemFeed>> feeds() {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<ItemFeed>> alive;
    for (const auto& feed : feeds_)
      if (auto held = feed.lock()) alive.push_back(std::move(held));
    return alive;
  }

  void break_down(const std::string& why) {
    if (broken_) return;
    broken_ = std::make_exception_ptr(BrokenPool(why));
    tasks_.fail_all(broken_);
  }

  // Workers

  void read_messages(uint32_t seat) {
    Arrival arrival;
    const auto& socket = seats_.socket(seat);
    while (socket && socket.try_receive_into(arrival) == FdSocket::Received::kMessage) serve(seat, arrival);
  }

  void serve(uint32_t seat, Arrival& message) {
    PoolMessageHead head{};
    if (message.bytes().size() < sizeof head) return break_down("a worker sent what is no message");
    std::memcpy(&head, message.bytes().data(), sizeof head);
    const auto content = message.bytes().subspan(sizeof head);
    switch (head.what) {
      case PoolMessage::kAskFunction:
        return answer(seat, encode(functions_.target(head.number)));
      case PoolMessage::kAskArguments:
        return answer_arguments(seat, head.number);
      case PoolMessage::kResult:
        if (!tasks_.on_board(head.number)) return;
        return tasks_.end(head.number, {{{content.begin(), content.end()}, std::move(message.fds)}, nullptr});
      case PoolMessage::kInitializerRaised: {
        ExceptionReport report;
        DecodeArchive(content, {})(report);
        return break_down("the pool's initializer threw " + report.str());
      }
    }
  }

  void answer(uint32_t seat, const Encoded& content) {
    try {
      seats_.socket(seat).send(content.bytes, content.fd_numbers());
    } catch (const PeerGone&) {
      return;  // The worker died after it had asked; its death is the next event.
    }
  }

  void answer_arguments(uint32_t seat, uint32_t slot) {
    const auto* const task = tasks_.on_board(slot);
    if (!task) return;
    try {
      answer(seat, task->calls.arguments);
    } catch (...) {
      // There is no memory or no descriptor to send them with. The worker, which waits for them, is replaced.
      seats_.kill(seat);
      tasks_.end(slot, {{}, std::current_exception()});
    }
  }

  // A worker has ended, by a signal, by exit(), or since it has run as many tasks as it may.
  void bury(uint32_t seat) {
    read_messages(seat);  // Takes in what the worker had sent before.
    tasks_.collect_done();
    const WorkerSeats::End end = seats_.bury(seat);
    for (const uint32_t slot : board_.take_back(end.number)) lose(slot, end);
    failed_starts_ = board_.clear_seat(seat) ? 0 : failed_starts_ + 1;
    if (failed_starts_ >= kFailedStarts) {
      const std::string why = "the pool's last " + std::to_string(kFailedStarts) +
                              " workers died before they were ready, the last one with exit code " +
                              std::to_string(end.exitcode);
      // One that is at work keeps the pool whole: the others may have been killed by somebody who kills at random.
      if (!board_.is_anyone_ready())
        break_down(why);
      else if (failed_starts_ == kFailedStarts)
        tell(NoticeLevel::kWarning, why + "; the calls are left to those that are at work");
    }
    if (broken_ || dismissed_) return;
    try {
      seats_.start(seat);
    } catch (const std::exception& e) {
      break_down(std::string("the pool cannot replace a worker: ") + e.what());
    }
    board_.wake_workers();  // The dead worker may have been woken for a call that it did not take.
  }

  void lose(uint32_t slot, const WorkerSeats::End& end) {
    const auto call = call_text(*tasks_.on_board(slot));
    tasks_.end(slot, {{}, std::make_exception_ptr(WorkerLost(end.pid, end.exitcode, call))});
  }

  // "square, item 3".
  std::string call_text(const detail::Task& task) const {
    const auto item = task.job->describe(task.calls.first, task.calls.count);
    return functions_.name(task.function) + (item.empty() ? "" : ", " + item);
  }

  const pid_t owner_ = own_pid();

  std::mutex mutex_;
  std::condition_variable left_;
  Phase phase_ = Phase::kOpen;
  bool dismissed_ = false;  // Workers that leave are not replaced.
  bool all_left_ = false;
  std::exception_ptr broken_;

  int failed_starts_ = 0;  // Workers in a row that died before they were ready.

  std::vector<std::weak_ptr<ItemFeed>> feeds_;  // The imaps' feeds; open_feeds_ of them have more calls to give.
  size_t open_feeds_ = 0;

  CallBoard board_;
  detail::TaskTable tasks_{board_};
  detail::FunctionTable functions_;
  EventFd bell_;
  Epoll events_;  // For the pool's thread, save at the start.
  WorkerSeats seats_;
  std::thread thread_;
};

Pool::Pool(const PoolOptions& options) : core_(std::make_shared<Core>(options)) {}

Pool::~Pool() {
  if (core_->is_owner()) {
    core_->stop();
  } else {
    // In a forked child, workers and thread are the parent's, and nothing is ended.
    static_cast<void>(new std::shared_ptr<Core>(std::move(core_)));
  }
}

void Pool::close() { core_->close(); }
void Pool::terminate() {
  core_->require_owner();
  core_->terminate();
  if (!core_->on_own_thread()) core_->join(core_);
}
void Pool::join() { core_->join(core_); }
std::vector<pid_t> Pool::worker_pids() const { return core_->pids(); }
size_t Pool::processes() const { return core_->processes(); }

void Pool::submit(std::shared_ptr<detail::Job> job, detail::PoolFunction function,
                  std::vector<detail::PoolTask> tasks) {
  job->set_workers(core_);
  core_->submit(std::move(job), function, std::move(tasks));
}

std::shared_ptr<detail::ItemFeed> Pool::feed(std::unique_ptr<detail::ItemSource> source,
                                             const std::shared_ptr<detail::ImapJobBase>& job,
                                             detail::PoolFunction function) {
  const std::weak_ptr<Core> pool = core_;
  const auto submit = [pool, job, function](std::vector<detail::PoolTask> tasks) {
    const auto core = pool.lock();
    if (!core) throw Core::terminated();
    core->submit_more(job, function, std::move(tasks));
  };
  const auto ended = [pool] {
    if (const auto core = pool.lock()) core->close_feed();
  };
  job->set_workers(core_);
  core_->open_feed();
  auto feed = std::make_shared<detail::ItemFeed>(std::move(source), job, core_->processes(), submit, ended);
  core_->remember(feed);
  feed->begin();
  return feed;
}

}  // namespace millrace::multiprocessing
