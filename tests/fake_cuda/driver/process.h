#pragma once

#include <sys/types.h>

#include "millrace/tests/fake_cuda/driver/entry_points.h"

/// In which processes, and for how long, the driver may be used.
namespace fake_cuda {

/// A process for ever: its number and when it started.
struct Process {
  pid_t pid;
  unsigned long long started;
  bool operator<(const Process& other) const { return pid != other.pid ? pid < other.pid : started < other.started; }
  bool operator==(const Process&) const = default;
};

Process this_process();
bool is_alive(const Process& process);

/// Success when this process called cuInit and is not ending; what every entry point answers else.
Result usable();

/// The device of the context that is current in this thread; otherwise what an entry point that needs one answers.
Result current_device(int* device);

/// An entry point that needs a context: body(device).
template <class Body>
Result with_context(const Body& body) {
  int device = 0;
  if (const Result result = current_device(&device)) return result;
  return body(device);
}

/// An entry point that needs no context.
template <class Body>
Result without_context(const Body& body) {
  if (const Result result = usable()) return result;
  return body();
}

}  // namespace fake_cuda
