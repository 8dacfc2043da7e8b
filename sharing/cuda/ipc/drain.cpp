#include "millrace/sharing/cuda/ipc/drain.h"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <string>
#include <thread>

#include "millrace/sharing/cuda/ipc/export_table.h"
#include "millrace/sharing/cuda/ipc/import_table.h"
#include "millrace/sharing/cuda/ipc/parking.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/process/process_end.h"

namespace millrace::cuda {
namespace {

void report(const Tally& lost) {
  const double seconds = std::chrono::duration<double>(drain_timeout.load()).count();
  std::ostringstream text;
  text.precision(3);
  text
      << "Producer process has been terminated before all shared CUDA tensors released. Process " << ::getpid()
      << " waited " << seconds << " s and now ends with " << counted(lost.count, "storage") << ", " << lost.bytes
      << " bytes, in use elsewhere, where they may turn into garbage. Keep it alive until their users are done (join() "
         "them, or let them answer), or give it longer with millrace::cuda::set_ipc_drain_timeout()";
  tell(NoticeLevel::kWarning, text.str());
}

// Asks until it is so, or until the deadline. The kernel and the driver tell nobody, so they are asked; seldom, when it
// takes long.
template <class Condition>
void wait_until(const Deadline& deadline, Condition is_so) {
  constexpr std::chrono::milliseconds kLongest{20};
  for (std::chrono::milliseconds pause{1}; !is_so(); pause = std::min(2 * pause, kLongest)) {
    if (deadline.passed()) return;
    std::this_thread::sleep_for(pause);
  }
}

void drain() noexcept {
  try {
    const Deadline deadline(drain_timeout.load());
    // Memory that this process dropped just now is closed in order, so that its producer need not take it for memory of
    // a process that died.
    wait_until(deadline, [] { return !ImportTable::instance().collect(); });
    Tally at_stake;
    wait_until(deadline, [&] { return (at_stake = ExportTable::instance().at_stake()).count == 0; });
    if (at_stake.count > 0) report(at_stake);
    Parking::instance().stop();
  } catch (const std::exception& e) {
    tell(NoticeLevel::kError, std::string("while waiting for users of shared CUDA tensors: ") + e.what());
  }
}

}  // namespace

void drain_at_process_end() {
  Driver::status();  // Its own handlers are registered first, so that they run after.
  at_process_end(&drain);
}

}  // namespace millrace::cuda
