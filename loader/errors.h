#pragma once

#include <sys/types.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/process/exit_status.h"

namespace millrace {

/// A sample could not be read, or no batch be made of samples, or the worker's init function failed. The batch is lost;
/// the next call of next() goes on with the epoch.
class SampleError : public std::runtime_error {
 public:
  SampleError(int64_t index, std::string path, int worker, std::string type, std::string message);

  int64_t index() const { return index_; }                 ///< The sample's index; -1 when no sample is to blame.
  const std::string& path() const { return path_; }        ///< The dataset's describe(index); empty without one.
  int worker() const { return worker_; }                   ///< The worker's number; -1 in the trainer.
  const std::string& type() const { return type_; }        ///< The original exception's type.
  const std::string& message() const { return message_; }  ///< The original exception's what().

 private:
  int64_t index_;
  std::string path_;
  int worker_;
  std::string type_;
  std::string message_;
};

/// The worker processes that tried to read some samples all died. The batch is lost; the next call of next() goes on
/// with the epoch. Thrown only after the retries are used up: a single death is repaired without a word (see
/// LoaderStats).
class WorkerDied : public std::runtime_error {
 public:
  WorkerDied(const std::string& what, pid_t pid, ExitStatus status, std::string doing);

  pid_t pid() const { return pid_; }  ///< The process that died last.
  int signal() const { return status_.signal().value_or(0); }
  const ExitStatus& status() const { return status_; }
  const std::string& doing() const { return doing_; }  ///< What it was doing: "reading sample 17 (cats/17.jpg)".

 private:
  pid_t pid_;
  ExitStatus status_;
  std::string doing_;
};

/// A worker could not build its dataset, or could not be started. The loader is of no use: every next() says so again.
class WorkerStartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// next() waited longer than DataLoaderOptions::timeout. The text says what each worker is doing. Calling next() again
/// waits again.
class LoaderTimeout : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The trainer holds the tensors of so many batches that no slot is left to fill, and kept_bytes is used up.
class TooManyBatchesHeld : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shared memory holds what no worker of ours writes. The loader is of no use: every next() says so again.
class BoardCorrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace millrace
