#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "millrace/sharing/process/backtrace.h"

// How a pool's call can fail. The exception that the call threw comes as text, and is never rebuilt.
namespace millrace::multiprocessing {

/// The call threw in its worker. what() has all of it.
class RemoteError : public std::runtime_error {
 public:
  explicit RemoteError(ExceptionReport report)
      : std::runtime_error(report.str()), report_(std::make_shared<const ExceptionReport>(std::move(report))) {}

  const std::string& type() const { return report_->type; }
  const std::string& message() const { return report_->what; }
  const std::string& backtrace() const { return report_->backtrace; }

 private:
  std::shared_ptr<const ExceptionReport> report_;
};

/// The worker that was running the call died or left. The call may have done some of its work and is not repeated.
class WorkerLost : public std::runtime_error {
 public:
  /// `exitcode` as Process::exitcode() gives it; `call` says what was running.
  WorkerLost(pid_t pid, int exitcode, const std::string& call);

  pid_t pid() const { return pid_; }
  int exitcode() const { return exitcode_; }
  std::optional<int> signal() const { return exitcode_ < 0 ? std::optional(-exitcode_) : std::nullopt; }
  const std::string& call() const { return *call_; }  ///< The call, as in "decode(int), item 3".

 private:
  pid_t pid_;
  int exitcode_;
  std::shared_ptr<const std::string> call_;
};

/// terminate() came before the call had ended.
class PoolTerminated : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// No worker can be had: the initializer throws, workers die before they are ready while none is at work, or one cannot
/// be started.
class BrokenPool : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace millrace::multiprocessing
