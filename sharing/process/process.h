#pragma once

#include <sys/types.h>

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/process/call.h"
#include "millrace/sharing/process/start_method.h"

namespace millrace::multiprocessing {

using millrace::StartMethod;

/// What a process may be given beside its target, like keywords:
///
///   mp::Process p({.name = "reader", .daemon = true}, read, 1);
struct ProcessOptions {
  std::string name = {};                                   ///< Without one, see Process::name().
  std::optional<bool> daemon = std::nullopt;               ///< Without a value, as this process is.
  std::optional<StartMethod> start_method = std::nullopt;  ///< Without a value, get_start_method().
};

/// A function running in a process of its own, as Python's multiprocessing.Process.
///
///   mp::Process p(foo, 1, std::ref(queue));  p.start();  p.join();
///
/// The target is a function pointer or a lambda without captures; its arguments are encoded when the object is made,
/// the same way under every start method (see pack_call()). The target's result is dropped. An exception of the target
/// goes to stderr with type, text, backtrace and the process's name, and the exit code is 1.
///
/// When the target returns or throws, and in std::exit(), the process runs what it has registered itself with
/// std::atexit(), the latest first, destroys the function-local statics that it made, and flushes output. It runs
/// nothing of that kind that it has from its parent, not even with kFork. _exit(), terminate() and kill() run nothing.
/// With kFork, thread_local objects of the thread that ran the target are not destroyed when it returns or throws: some
/// of them are copies of the parent's.
///
/// No process outlives its parent, however that ends: the kernel kills it. At a normal end (main returns, or exit())
/// children that still run are joined, with a warning when that takes long. Daemonic ones are terminated first:
/// SIGTERM, and SIGKILL five seconds later. That happens in a handler registered with atexit() at the first start(), so
/// objects with static storage that were made later are gone by then. A child does the same for its own children.
/// Unlike in Python, daemonic processes may have children.
///
/// Destroying a Process object neither ends nor waits for the process. A running process takes two descriptors here
/// with kForkServer, else one.
///
/// Thread safety: join(), is_alive(), exitcode(), terminate() and kill() from any thread; otherwise as a container. A
/// Process object is of use only in the process that made it; elsewhere its functions throw std::logic_error.
class Process {
 public:
  template <class F, class... Arguments>
    requires(!std::same_as<std::remove_cvref_t<F>, Process> && !std::same_as<std::remove_cvref_t<F>, StartMethod> &&
             !std::same_as<std::remove_cvref_t<F>, ProcessOptions>)
  explicit Process(F&& target, Arguments&&... arguments)
      : Process(pack_call<ResultUse::kDrop>(target, std::forward<Arguments>(arguments)...), ProcessOptions()) {}

  template <class F, class... Arguments>
  Process(ProcessOptions options, F&& target, Arguments&&... arguments)
      : Process(pack_call<ResultUse::kDrop>(target, std::forward<Arguments>(arguments)...), std::move(options)) {}

  /// A process that `method` starts instead of get_start_method()'s.
  template <class F, class... Arguments>
  Process(StartMethod method, F&& target, Arguments&&... arguments)
      : Process(ProcessOptions{.start_method = method}, std::forward<F>(target),
                std::forward<Arguments>(arguments)...) {}

  /// Starts the process; to be called once. Throws what start_child() throws.
  void start();

  /// Waits for the process to end, at most `timeout` (nullopt: for ever). True when it has ended. A notice tells of a
  /// long wait (see set_notice_after()): a warning where the process is stopped or in a system call that does not
  /// return, else an information, which stderr does not get.
  bool join(Timeout timeout = std::nullopt);

  /// Whether the process runs: false before start() and after the end.
  bool is_alive();

  /// The exit code, or minus the signal that killed the process, or 255 when it ended together with its fork server;
  /// nullopt before start() and while it runs.
  std::optional<int> exitcode();

  /// Sends SIGTERM, or nothing when the process has ended. Work that the process had begun stays half done.
  void terminate();
  /// Sends SIGKILL, or nothing when the process has ended.
  void kill();

  std::optional<pid_t> pid() const;  ///< The process id; nullopt before start().

  /// The name; unless set "Process-N" for the Nth process of this one, "Process-N:M" for its children.
  const std::string& name() const;
  void set_name(std::string name);

  /// Whether the process is terminated, not waited for, when this program ends. At first it is as in this process; to
  /// be set before start().
  bool daemon() const;
  void set_daemon(bool daemon);

  /// A descriptor that is readable once the process has ended, for poll() or wait(). The object keeps it.
  int sentinel() const;

  /// Lets go of the process, which has ended; the object is of no further use. Throws std::logic_error while it runs.
  void close();

 private:
  struct State;
  friend struct ProcessFamily;

  Process(Call call, ProcessOptions options);

  State& state() const;
  State& started(const char* doing) const;
  void forget();

  std::shared_ptr<State> state_;  // Shared with the list of living children; empty once closed.
};

/// What a process knows of itself.
struct ProcessInfo {
  std::string name;
  pid_t pid = 0;
  bool daemon = false;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, pid, daemon);
  }
};

/// This process: "MainProcess" unless it was started as a Process.
ProcessInfo current_process();

/// The process that started this one as a Process; nullopt in the main process.
std::optional<ProcessInfo> parent_process();

/// The Processes that this process has started and that still run. Processes that have ended are reaped on the way.
std::vector<ProcessInfo> active_children();

namespace detail {

/// Joins or terminates children at a normal end; see Process.
void finish_children();

}  // namespace detail

}  // namespace millrace::multiprocessing
