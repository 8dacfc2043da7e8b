#include "millrace/sharing/process/spawn.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/os/long_wait.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/seconds_text.h"
#include "millrace/sharing/process/context.h"
#include "millrace/sharing/process/exit_status.h"
#include "millrace/sharing/process/kernel_state.h"

namespace millrace::multiprocessing {
namespace {

constexpr std::chrono::nanoseconds kTerminateGrace = std::chrono::seconds(30);

std::string words_for_signal(int signal) {
  const auto name = millrace::signal_name(signal);
  return name.starts_with("SIG") ? "signal " + name : "<Unknown signal " + std::to_string(signal) + ">";
}

std::string describe(const std::vector<ProcessFailure>& failures) {
  std::string text;
  for (const auto& failure : failures) text += (text.empty() ? "" : "\n\n") + failure.str();
  return text;
}

// Runs in the child. The exception goes to the parent, which will throw it; so it is not printed here.
void run_spawned(OwnedFd errors, const Target& target, const std::vector<std::byte>& bytes, std::vector<OwnedFd> fds) {
  try {
    DecodeArchive arguments(bytes, fds);
    run_call(target, arguments);
  } catch (...) {
    FdSocket(std::move(errors)).send(encode(report_current_exception()).bytes);
    std::exit(1);
  }
}

}  // namespace

std::string ProcessFailure::str() const {
  const auto number = std::to_string(index);
  if (error) return "-- Process " + number + " terminated with the following error:\n" + error->str();
  if (exitcode < 0) return "process " + number + " terminated with " + words_for_signal(-exitcode);
  return "process " + number + " terminated with exit code " + std::to_string(exitcode);
}

ProcessException::ProcessException(std::vector<ProcessFailure> failures)
    : std::runtime_error(describe(failures)),
      failures_(std::make_shared<const std::vector<ProcessFailure>>(std::move(failures))) {}

std::optional<std::string> ProcessExitedException::signal_name() const {
  return exit_code() < 0 ? std::optional(millrace::signal_name(-exit_code())) : std::nullopt;
}

void ProcessGroup::add(ProcessContext& context, const StartOptions& options, Call call) {
  auto [ours, theirs] = FdSocket::pair();
  const auto method = options.start_method ? *options.start_method : get_start_method();
  Process process(method, run_spawned, theirs.take(), call.target, call.arguments.bytes, std::move(call.arguments.fds));
  process.set_daemon(options.daemon);
  process.start();
  context.unfinished_.push_back(context.processes_.size());
  context.processes_.push_back(std::move(process));
  context.errors_.push_back(std::move(ours));
}

std::vector<pid_t> ProcessContext::pids() const {
  std::vector<pid_t> pids;
  for (const auto& process : processes_) pids.push_back(process.pid().value());
  return pids;
}

bool ProcessContext::join(Timeout timeout, std::optional<Timeout> grace_period) {
  const Deadline deadline(timeout);
  while (!unfinished_.empty()) {
    const auto ended = wait_for_one(deadline);
    if (!ended) return false;
    if (processes_[*ended].exitcode() != 0) fail(*ended, grace_period);
    std::erase(unfinished_, *ended);
  }
  return true;
}

// A process that has ended, of those not joined yet.
std::optional<size_t> ProcessContext::wait_for_one(const Deadline& deadline) {
  Epoll watched;
  for (const size_t index : unfinished_) watched.add(processes_[index].sentinel(), index);
  std::optional<size_t> one;
  const auto wait = [&](Timeout slice) {
    // The sentinel comes before the fork server's word of how it ended.
    for (const size_t index : watched.wait(slice))
      if (!one && processes_[index].join(deadline.left())) one = index;
    return one.has_value();
  };
  wait_and_tell(deadline.left(), notice_after(), wait, [this](auto lasted) { tell_of_wait(lasted); });
  return one;
}

// Tells of a long wait as a single process's join() does.
void ProcessContext::tell_of_wait(std::chrono::nanoseconds lasted) const {
  std::string text;
  auto level = NoticeLevel::kInfo;
  for (const size_t index : unfinished_) {
    const pid_t pid = processes_[index].pid().value();
    if (kernel_state(pid).is_stuck) level = NoticeLevel::kWarning;
    text += (text.empty() ? "" : ", ") + ("rank " + std::to_string(index)) + ", " + process_and_state(pid);
  }
  tell(level, "join() has waited " + seconds_text(lasted) + " for one of: " + text);
}

void ProcessContext::wait_for_rest(Timeout timeout) {
  const Deadline deadline(timeout);
  for (const size_t index : unfinished_) processes_[index].join(deadline.left());
}

ProcessFailure ProcessContext::failure_of(size_t index) {
  auto& process = processes_[index];
  ProcessFailure failure{static_cast<int>(index), process.pid().value(), process.exitcode().value(), std::nullopt};
  if (!poll_readable(errors_[index].fd(), std::chrono::nanoseconds(0))) return failure;
  if (const auto message = errors_[index].receive()) DecodeArchive(message->bytes, {})(failure.error.emplace());
  return failure;
}

void ProcessContext::fail(size_t first, std::optional<Timeout> grace_period) {
  if (grace_period) wait_for_rest(*grace_period);
  std::vector<size_t> terminated;
  for (const size_t index : unfinished_) {
    if (!processes_[index].is_alive()) continue;
    terminated.push_back(index);
    processes_[index].terminate();
  }
  wait_for_rest(grace_period.value_or(kTerminateGrace));
  for (const size_t index : terminated)
    if (processes_[index].is_alive()) processes_[index].kill();

  std::vector<ProcessFailure> failures;
  for (const size_t index : std::exchange(unfinished_, {})) {
    processes_[index].join();
    if (processes_[index].exitcode() == 0) continue;
    auto failure = failure_of(index);
    const bool by_us = std::count(terminated.begin(), terminated.end(), index) > 0;
    if (!by_us || failure.error) failures.push_back(std::move(failure));
  }
  std::stable_partition(failures.begin(), failures.end(),
                        [&](const auto& failure) { return failure.index == static_cast<int>(first); });
  if (failures.front().error) throw ProcessRaisedException(std::move(failures));
  throw ProcessExitedException(std::move(failures));
}

}  // namespace millrace::multiprocessing
