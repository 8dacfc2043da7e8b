#include "millrace/sharing/cuda/ipc_drain.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <thread>

#include "millrace/sharing/cuda/export_table.h"
#include "millrace/sharing/cuda/parking.h"
#include "millrace/sharing/process/process_end.h"

namespace millrace::cuda {
namespace {

void report(const Tally& lost) {
  const double seconds = std::chrono::duration<double>(drain_timeout.load()).count();
  std::fprintf(stderr,
               "Producer process has been terminated before all shared CUDA tensors released. Process %d waited %.3g s "
               "and now ends with %zu storage%s, %zu bytes, in use elsewhere, where they may turn into garbage. Keep "
               "it alive until their users are done (join() them, or let them answer), or give it longer with "
               "millrace::cuda::set_ipc_drain_timeout().\n",
               ::getpid(), seconds, lost.count, lost.count == 1 ? "" : "s", lost.bytes);
}

void drain() noexcept {
  try {
    const auto deadline = std::chrono::steady_clock::now() + drain_timeout.load();
    Tally at_stake = ExportTable::instance().at_stake();
    // The kernel tells nobody when a lock goes, so it is asked; seldom, when it takes long.
    for (std::chrono::milliseconds pause{1}; at_stake.count > 0; pause = std::min(2 * pause, decltype(pause)(20))) {
      if (std::chrono::steady_clock::now() >= deadline) {
        report(at_stake);
        break;
      }
      std::this_thread::sleep_for(pause);
      at_stake = ExportTable::instance().at_stake();
    }
    Parking::instance().stop();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "while waiting for users of shared CUDA tensors: %s\n", e.what());
  }
}

}  // namespace

void drain_at_process_end() { at_process_end(&drain); }

}  // namespace millrace::cuda
