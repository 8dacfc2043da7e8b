#include "millrace/loader/errors.h"

#include <utility>

#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

std::string describe(int64_t index, const std::string& path, int worker, const std::string& type,
                     const std::string& message) {
  std::string text = index < 0 ? "a batch" : "sample " + std::to_string(index);
  if (!path.empty()) text += " (" + printable(path) + ")";
  text += index < 0 ? ", made " : ", read ";
  text += worker < 0 ? "in the trainer" : "by worker " + std::to_string(worker);
  return text + ": " + printable(type) + ": " + printable_lines(message);
}

}  // namespace

SampleError::SampleError(int64_t index, std::string path, int worker, std::string type, std::string message)
    : std::runtime_error(describe(index, path, worker, type, message)),
      index_(index),
      path_(std::move(path)),
      worker_(worker),
      type_(std::move(type)),
      message_(std::move(message)) {}

WorkerDied::WorkerDied(const std::string& what, pid_t pid, ExitStatus status, std::string doing)
    : std::runtime_error(what), pid_(pid), status_(status), doing_(std::move(doing)) {}

}  // namespace millrace
