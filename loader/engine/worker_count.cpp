#include "millrace/loader/engine/worker_count.h"

#include <algorithm>
#include <atomic>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/processors.h"

namespace millrace {
namespace {

constexpr int64_t kMostOnAProcessor = 4, kMostOnAnyMachine = 8;
std::atomic<int64_t> g_most_told = 0;

}  // namespace

std::string complaint_about(int64_t workers, int processors) {
  if (workers <= std::max(kMostOnAnyMachine, kMostOnAProcessor * processors)) return {};
  const std::string shared = processors == 1 ? "one processor" : counted(processors, "processor");
  return std::to_string(workers) + " workers are to share " + shared + ", where num_workers " +
         std::to_string(processors) +
         " would do: each takes memory and time to start. More than that help only while "
         "files come from a slow disk or network";
}

void warn_of_many_workers(int64_t workers) {
  if (workers <= kMostOnAnyMachine) return;  // Most loaders need not read the files that tell of processors.
  const std::string complaint = complaint_about(workers, processors().usable());
  if (complaint.empty()) return;
  int64_t told = g_most_told;
  while (workers > told)
    if (g_most_told.compare_exchange_weak(told, workers))
      return tell(NoticeLevel::kWarning, "DataLoader: " + complaint);
}

}  // namespace millrace
