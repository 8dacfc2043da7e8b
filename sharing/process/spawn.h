#pragma once

#include <sys/types.h>

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/codec/target.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/process/backtrace.h"
#include "millrace/sharing/process/process.h"

namespace millrace::multiprocessing {

/// How one of several processes failed.
struct ProcessFailure {
  int index = 0;
  pid_t pid = 0;
  int exitcode = 0;                      ///< The process's end as Process::exitcode() gives it.
  std::optional<ExceptionReport> error;  ///< The exception that it threw, if it did.

  /// The failure in words: "-- Process 1 terminated with the following error:\n…", "process 0 terminated with signal
  /// SIGKILL", "… with exit code 3".
  std::string str() const;
};

/// Some of the processes that were started together have failed. what() tells of each, the first one first.
class ProcessException : public std::runtime_error {
 public:
  int error_index() const { return failures_->front().index; }
  pid_t error_pid() const { return failures_->front().pid; }

  /// The processes that failed by themselves, without those that were terminated because of them.
  const std::vector<ProcessFailure>& failures() const { return *failures_; }

 protected:
  explicit ProcessException(std::vector<ProcessFailure> failures);

 private:
  std::shared_ptr<const std::vector<ProcessFailure>> failures_;
};

/// The first process to fail threw an exception.
class ProcessRaisedException : public ProcessException {
 public:
  explicit ProcessRaisedException(std::vector<ProcessFailure> failures) : ProcessException(std::move(failures)) {}
};

/// The first process to fail was killed, or exited with another code than 0.
class ProcessExitedException : public ProcessException {
 public:
  explicit ProcessExitedException(std::vector<ProcessFailure> failures) : ProcessException(std::move(failures)) {}

  int exit_code() const { return failures().front().exitcode; }
  std::optional<std::string> signal_name() const;
};

/// Processes that were started together, and succeed or fail together. Not thread-safe. Destroying it waits for
/// nothing.
class ProcessContext {
 public:
  std::vector<pid_t> pids() const;
  std::vector<Process>& processes() { return processes_; }

  /// Waits until all processes have ended, at most `timeout` (nullopt: for ever); false when that passed first.
  ///
  /// When one fails, the others are given `grace_period` (nullopt: none) to end by themselves, then SIGTERM, and after
  /// as long again (nullopt: 30 s) SIGKILL. Then ProcessRaisedException or ProcessExitedException is thrown.
  bool join(Timeout timeout = std::nullopt, std::optional<Timeout> grace_period = std::nullopt);

 private:
  friend struct ProcessGroup;

  std::optional<size_t> wait_for_one(const Deadline& deadline);
  void tell_of_wait(std::chrono::nanoseconds lasted) const;
  void wait_for_rest(Timeout timeout);
  ProcessFailure failure_of(size_t index);
  [[noreturn]] void fail(size_t first, std::optional<Timeout> grace_period);

  std::vector<Process> processes_;
  std::vector<FdSocket> errors_;    // A socket from each process, for what it threw.
  std::vector<size_t> unfinished_;  // Indices of the processes not joined yet.
};

struct StartOptions {
  std::optional<StartMethod> start_method;  ///< Without a value, get_start_method().
  bool daemon = false;
};

namespace detail {

// Keeps the argument for a parameter while all processes are being started: an object, as it may be a temporary, or a
// reference where it cannot be copied.
template <class P>
using SpawnArgument =
    std::conditional_t<std::is_lvalue_reference_v<P> &&
                           (!std::is_const_v<std::remove_reference_t<P>> || !std::copy_constructible<std::decay_t<P>>),
                       P, std::decay_t<P>>;

template <class Pointer>
struct SpawnSignature {
  static_assert(!std::is_same_v<Pointer, Pointer>, "the function takes the process's index, an int, first");
  using Arguments = millrace::detail::OfNoTarget;
};

template <class R, class... Parameters>
struct SpawnSignature<R (*)(int, Parameters...)> {
  using Arguments = std::tuple<SpawnArgument<Parameters>...>;
};
template <class R, class... Parameters>
struct SpawnSignature<R (*)(int, Parameters...) noexcept> : SpawnSignature<R (*)(int, Parameters...)> {};

template <class F>
struct SpawnArgumentsOf {
  using Arguments = millrace::detail::OfNoTarget;
};
template <millrace::detail::ConvertsToFunctionPointer F>
struct SpawnArgumentsOf<F> : SpawnSignature<decltype(+std::declval<F>())> {};

}  // namespace detail

/// The arguments behind the index, as a tuple: `{"hello", std::ref(queue)}` in a call.
template <class F>
using SpawnArguments = typename detail::SpawnArgumentsOf<F>::Arguments;

/// Puts processes together; for start_processes(), which is the way to use it.
struct ProcessGroup {
  /// Starts one more process, by a call that takes the index first.
  static void add(ProcessContext& context, const StartOptions& options, Call call);
};

/// Starts `nprocs` processes that run fn(0, args…), fn(1, args…), …
template <class F>
ProcessContext start_processes(F&& fn, SpawnArguments<F> args = {}, int nprocs = 1, StartOptions options = {}) {
  ProcessContext context;
  if constexpr (millrace::detail::kIsTarget<F> && !std::same_as<SpawnArguments<F>, millrace::detail::OfNoTarget>) {
    const auto target = make_target<ResultUse::kDrop>(fn);
    for (int index = 0; index < nprocs; ++index) {
      std::apply(
          [&](auto&... values) {
            ProcessGroup::add(context, options, Call{target, pack_arguments<F>(index, values...)});
          },
          args);
    }
  }
  return context;
}

/// Starts processes as start_processes() does, and joins them: returns when all have succeeded.
template <class F>
void spawn(F&& fn, SpawnArguments<F> args = {}, int nprocs = 1, StartOptions options = {}) {
  start_processes(std::forward<F>(fn), std::move(args), nprocs, options).join();
}

}  // namespace millrace::multiprocessing
