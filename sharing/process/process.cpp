#include "millrace/sharing/process/process.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <stdexcept>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/long_wait.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/seconds_text.h"
#include "millrace/sharing/os/start_thread.h"
#include "millrace/sharing/process/backtrace.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/kernel_state.h"
#include "millrace/sharing/process/process_end.h"
#include "millrace/sharing/process/prologue.h"

namespace millrace::multiprocessing {

using Clock = std::chrono::steady_clock;

// How long a daemonic process may take to end after SIGTERM.
constexpr auto kDaemonGrace = std::chrono::seconds(5);

struct Process::State {
  State(std::optional<StartMethod> start_method, Call to_run) : method(start_method), call(std::move(to_run)) {}

  const std::optional<StartMethod> method;
  const pid_t creator = ::getpid();
  std::optional<Call> call;  // Set until the start: then the descriptors in it are the child's to close.
  std::vector<int> identity;
  std::string name;
  bool daemon = false;

  std::mutex mutex;  // Held while `child` learns how it ended.
  Child child;

  // The child's status; nullopt while it runs.
  std::optional<ExitStatus> ended() {
    const std::lock_guard lock(mutex);
    return child.wait(std::chrono::nanoseconds(0));
  }

  // Most who join mean to wait for long; only for one that cannot go on, they do not.
  bool join(Timeout timeout) {
    return join(timeout, [this](std::chrono::nanoseconds lasted) {
      tell(kernel_state(child.pid()).is_stuck ? NoticeLevel::kWarning : NoticeLevel::kInfo,
           "join() has waited " + seconds_text(lasted) + " for " + str());
    });
  }

  void join_at_process_end() {
    join(std::nullopt, [this](std::chrono::nanoseconds lasted) {
      tell(NoticeLevel::kWarning, "the program is at its end and has waited " + seconds_text(lasted) + " for " + str() +
                                      ", which it has started: terminate() it before, or set_daemon(true)");
    });
  }

 private:
  template <class Tell>
  bool join(Timeout timeout, Tell tell_of_it) {
    const Deadline deadline(timeout);
    // Waits without the lock, so that one thread may ask while another waits.
    const auto wait = [this](Timeout slice) { return child.pidfd().wait_ended(slice); };
    if (!wait_and_tell(timeout, notice_after(), wait, tell_of_it)) return false;
    const std::lock_guard lock(mutex);
    return child.wait(deadline.left()).has_value();
  }

  std::string str() const { return in_quotes(name) + ", " + process_and_state(child.pid()); }
};

namespace {

std::string dotted(const std::vector<int>& identity) {
  std::string text;
  for (const int number : identity) text += (text.empty() ? "" : ":") + std::to_string(number);
  return text;
}

}  // namespace

// A process's notes about itself and its children. A forked process gets fresh ones; those of its parent are left
// behind as they are, since a thread that exists in the parent only may hold their mutex.
struct ProcessFamily {
  std::mutex mutex;
  ProcessInfo self{"MainProcess", ::getpid(), false};
  std::optional<ProcessInfo> parent;
  std::vector<int> identity;
  int made = 0;  // Processes, to number them.
  std::list<std::shared_ptr<Process::State>> running;
  bool finishes_at_exit = false;

  static ProcessFamily*& current() {
    static ProcessFamily* family = [] {
      at_fork(ForkRank::kProcessFamily, {nullptr, nullptr, [] { current() = new ProcessFamily; }});
      millrace::detail::join_before_process_end(&detail::finish_children);
      return new ProcessFamily;
    }();
    return family;
  }

  // REQUIRES: `mutex` is held, as for all below.
  void forget_ended() {
    running.remove_if([](const auto& state) { return state->ended().has_value(); });
  }

  void introduce(Process::State& state) {
    state.identity = identity;
    state.identity.push_back(++made);
    state.name = "Process-" + dotted(state.identity);
    state.daemon = self.daemon;
  }

  void take_in(std::shared_ptr<Process::State> state) {
    if (!std::exchange(finishes_at_exit, true)) std::atexit(detail::finish_children);
    running.push_back(std::move(state));
  }

  // Terminates the daemonic children, waits for all.
  void finish() {
    std::list<std::shared_ptr<Process::State>> children;
    {
      const std::lock_guard lock(mutex);
      children.swap(running);
    }
    for (const auto& state : children)
      if (state->daemon) state->child.kill(SIGTERM);
    const auto deadline = Clock::now() + kDaemonGrace;
    for (const auto& state : children) {
      if (!state->daemon) continue;
      if (!state->join(deadline - Clock::now())) state->child.kill(SIGKILL);
    }
    for (const auto& state : children) state->join_at_process_end();
  }
};
[[maybe_unused]] static ProcessFamily* const& kFamilyAtLoad = ProcessFamily::current();

namespace {

ProcessFamily& family() { return *ProcessFamily::current(); }

// The message to the child, in front of the arguments.
struct ProcessStart {
  Target target;
  ProcessInfo self;  // Without the pid, which the child knows.
  ProcessInfo parent;
  std::vector<int> identity;
  std::optional<StartMethod> default_method;
  bool watch_parent = false;  // The kernel will not do it: see start_child().

  template <class Archive>
  void serialize(Archive& archive) {
    archive(target, self, parent, identity, default_method, watch_parent);
  }
};

// Kills this process when its parent ends, from a thread of its own.
void die_with(pid_t parent) {
  auto process = PidFd::open(parent);
  if (::getppid() != parent) ::raise(SIGKILL);  // The parent died before, and its number may be another's.
  start_thread([process = std::move(process)] {
    process.wait_ended(std::nullopt);
    ::kill(::getpid(), SIGKILL);
  }).detach();
}

int run_process(std::span<const std::byte> bytes, std::vector<OwnedFd> fds) {
  DecodeArchive archive(bytes, fds);
  ProcessStart start;
  archive(start);
  if (start.watch_parent) die_with(start.parent.pid);
  auto& here = family();
  here.self = {start.self.name, ::getpid(), start.self.daemon};
  here.parent = start.parent;
  here.identity = start.identity;
  detail::inherit_start_method(start.default_method);
  int code = 0;
  try {
    run_call(start.target, archive);
  } catch (...) {
    print_current_exception(start.self.name);
    code = 1;
  }
  detail::finish_children();
  return code;
}

}  // namespace

void detail::finish_children() { family().finish(); }

Process::Process(Call call, ProcessOptions options)
    : state_(std::make_shared<State>(options.start_method, std::move(call))) {
  auto& here = family();
  {
    const std::lock_guard lock(here.mutex);
    here.introduce(*state_);
  }
  if (!options.name.empty()) state_->name = std::move(options.name);
  if (options.daemon) state_->daemon = *options.daemon;
}

Process::State& Process::state() const {
  if (!state_) throw std::logic_error("this Process object is closed, or was moved from");
  return *state_;
}

Process::State& Process::started(const char* doing) const {
  auto& state = this->state();
  if (state.creator != ::getpid())
    throw std::logic_error("cannot " + std::string(doing) + " '" + state.name + "': only the process that made it can");
  if (!state.child) throw std::logic_error("cannot " + std::string(doing) + " '" + state.name + "' before start()");
  return state;
}

void Process::start() {
  auto& state = this->state();
  if (state.creator != ::getpid())
    throw std::logic_error("cannot start '" + state.name + "': only the process that made it can");
  if (!state.call) throw std::logic_error("cannot start '" + state.name + "' twice");
  const auto method = state.method ? *state.method : get_start_method();
  const auto& call = *state.call;
  ProcessStart start{call.target, {state.name, 0, state.daemon}, {}, state.identity, {}, false};
  start.watch_parent = method != StartMethod::kForkServer && !on_main_thread();
  auto& here = family();
  {
    const std::lock_guard lock(here.mutex);
    here.forget_ended();
    start.parent = here.self;
    start.default_method = state.method ? state.method : detail::settled_start_method();
  }
  ChildSpec spec{run_process, encode(start).bytes, call.arguments.fd_numbers(), state.name};
  spec.arguments.insert(spec.arguments.end(), call.arguments.bytes.begin(), call.arguments.bytes.end());
  state.child = start_child(method, spec);
  state.call.reset();
  const std::lock_guard lock(here.mutex);
  here.take_in(state_);
}

bool Process::join(Timeout timeout) {
  if (!started("join").join(timeout)) return false;
  forget();
  return true;
}

bool Process::is_alive() { return state().child && !exitcode(); }

std::optional<int> Process::exitcode() {
  auto& state = this->state();
  if (state.creator == ::getpid() && !state.child) return std::nullopt;
  const auto status = started("ask after").ended();
  if (!status) return std::nullopt;
  forget();
  return status->exitcode();
}

// Forgets a process that has ended: its descriptors go with the object, and nobody has to wait for it at exit.
void Process::forget() {
  auto& here = family();
  const std::lock_guard lock(here.mutex);
  here.running.remove(state_);
}

void Process::terminate() { started("terminate").child.kill(SIGTERM); }
void Process::kill() { started("kill").child.kill(SIGKILL); }

std::optional<pid_t> Process::pid() const {
  const auto& child = state().child;
  return child ? std::optional(child.pid()) : std::nullopt;
}

const std::string& Process::name() const { return state().name; }
void Process::set_name(std::string name) { state().name = std::move(name); }

bool Process::daemon() const { return state().daemon; }
void Process::set_daemon(bool daemon) {
  if (state().child) throw std::logic_error("'" + state().name + "' has been started: set_daemon() comes before");
  state().daemon = daemon;
}

int Process::sentinel() const { return started("watch").child.pidfd().fd(); }

void Process::close() {
  if (!state_) return;
  if (state_->child && !started("close").ended())
    throw std::logic_error("cannot close '" + state_->name + "' while it runs: join() or terminate() it first");
  forget();
  state_.reset();
}

ProcessInfo current_process() {
  auto& here = family();
  const std::lock_guard lock(here.mutex);
  return here.self;
}

std::optional<ProcessInfo> parent_process() {
  auto& here = family();
  const std::lock_guard lock(here.mutex);
  return here.parent;
}

std::vector<ProcessInfo> active_children() {
  auto& here = family();
  const std::lock_guard lock(here.mutex);
  here.forget_ended();
  std::vector<ProcessInfo> children;
  for (const auto& state : here.running) children.push_back({state->name, state->child.pid(), state->daemon});
  return children;
}

}  // namespace millrace::multiprocessing
