#pragma once

#include <c10/core/Device.h>

#include <optional>
#include <string>

#include "millrace/apps/millrace/trace.h"
#include "millrace/loader/data_loader.h"
#include "millrace/training/trainer.h"

namespace millrace::apps {

/// The trace of a run that trains: its waits and its steps, and what workers did meanwhile. Not thread-safe.
class StepTrace {
 public:
  /// `path`: the file that write() makes. Throws SyscallError and std::runtime_error where it could not.
  StepTrace(std::string path, c10::Device device, DataLoader& loader);

  /// Lets watchers note what a trainer does. They refer to this object.
  void watch(training::Trainer::Watchers& watchers);

  /// Between epochs: waits until the device has done what was traced.
  void settle() { trace_.settle(); }

  /// Throws SyscallError.
  void write() { trace_.write(path_); }

 private:
  void begin(training::Phase phase);

  std::string path_;
  c10::Device device_;
  DataLoader& loader_;
  Trace trace_;
};

}  // namespace millrace::apps
