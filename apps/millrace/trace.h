#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "millrace/apps/millrace/device_clock.h"
#include "millrace/loader/stage_report.h"

namespace millrace::apps {

/// What a program did when, in Chrome's trace format, which chrome://tracing and ui.perfetto.dev show: a row for the
/// program's thread, one for each worker of its loader and, on a GPU, one for each of its streams. Not thread-safe.
class Trace {
 public:
  /// A stream of the GPU, and what its row is called.
  struct Row {
    cuda::api::Stream stream = nullptr;
    std::string name;
  };

  /// A trace without a GPU.
  Trace() = default;
  explicit Trace(int device) : device_clock_(std::make_unique<DeviceClock>(device)) {}

  /// Begins a span in the thread, which may enqueue work on the stream; without a GPU the row does not matter.
  void begin(std::string name, Row row);

  /// Ends the span that was begun last in the thread.
  void end();

  /// Adds what workers did, see DataLoaderBase::take_spans(). What they did before the trace began is left out.
  void add(const StageSpans& spans);

  /// Waits until the GPU has done what was traced.
  void settle();

  /// Waits as settle() does, and replaces the file. Throws SyscallError when it cannot be written.
  void write(const std::string& path);

 private:
  using Clock = DeviceClock::Clock;

  struct Span {
    std::string row, name;
    Clock::time_point start, end;
    int64_t sample = -1;  // What it was about; -1: no sample, or several.
  };
  struct DeviceSpan {
    Row row;
    std::string name;
    DeviceClock::Mark start = 0, end = 0;
  };

  std::unique_ptr<DeviceClock> device_clock_;
  Clock::time_point origin_ = Clock::now();
  std::vector<Span> spans_;
  uint64_t lost_ = 0;                // Spans of workers that were overwritten before they were added.
  std::vector<DeviceSpan> pending_;  // Spans that the device may still be at.
};

}  // namespace millrace::apps
