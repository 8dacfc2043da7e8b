#include "millrace/sharing/pool/job.h"

#include "millrace/sharing/pool/errors.h"
#include "millrace/sharing/process/backtrace.h"

namespace millrace::multiprocessing::detail {

// Reads what a worker's answer begins with: 0 before results, 1 before an ExceptionReport. See worker.cpp.
void Outcome::throw_if_raised(DecodeArchive& archive) {
  uint8_t raised = 0;
  archive(raised);
  if (raised == 0) return;
  ExceptionReport report;
  archive(report);
  throw RemoteError(std::move(report));
}

std::string Job::describe(size_t first, size_t count) const {
  if (count == 1) return "item " + std::to_string(first);
  return "items " + std::to_string(first) + " to " + std::to_string(first + count - 1);
}

}  // namespace millrace::multiprocessing::detail
