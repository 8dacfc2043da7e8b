#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "millrace/apps/millrace/front/host_checks.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::apps {
namespace {

struct Refused {
  std::string call;
  int error;
};

// Whether the kernel lets a call through. What it says of nonsense arguments does not matter.
bool is_refused(long result, int error) { return result < 0 && (error == EPERM || error == ENOSYS || error == EACCES); }

// The calls that the memory of batches and the lives of workers hang on.
std::vector<Refused> refused_calls() {
  std::vector<Refused> refused;
  const auto note = [&](const char* call, long result) {
    const int error = errno;
    if (is_refused(result, error)) refused.push_back({call, error});
  };
  OwnedFd memory(static_cast<int>(::syscall(SYS_memfd_create, "doctor", MFD_CLOEXEC)));
  note("memfd_create", memory.get());
  OwnedFd process(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  note("pidfd_open", process.get());
  if (process) note("pidfd_send_signal", ::syscall(SYS_pidfd_send_signal, process.get(), 0, nullptr, 0));
  OwnedFd event(::eventfd(0, EFD_CLOEXEC));
  note("eventfd2", event.get());
  note("close_range", ::syscall(SYS_close_range, ~0U, ~0U, 0));
  return refused;
}

std::string field_of_status(const std::string& root, const std::string& name) {
  std::ifstream file(root + "/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return line.substr(line.find_first_not_of(" \t", name.size() + 1));
  return "";
}

std::string in_words(const std::string& mode) {
  if (mode == "0") return "no filter";
  if (mode == "2") return "a filter looks at each call";
  return mode.empty() ? "not known here" : "mode " + mode;
}

}  // namespace

std::vector<Check> check_seccomp(const std::string& root) {
  Check check{"seccomp", Verdict::kOk, in_words(field_of_status(root, "Seccomp")), "", true};
  const std::vector<Refused> refused = refused_calls();
  if (refused.empty()) {
    check.text += "; all calls that workers need get through";
    return {check};
  }
  check.verdict = Verdict::kNotAvailable;
  for (size_t i = 0; i < refused.size(); ++i)
    check.text += (i == 0 ? "; refused: " : ", ") + refused[i].call + " (" + std::strerror(refused[i].error) + ")";
  check.cure =
      "Worker processes cannot be had so. Docker before 20.10.10 and libseccomp before 2.5 do not know these calls: "
      "install newer ones, or add the calls to the profile (docker run --security-opt seccomp=PROFILE.json; to try it "
      "once, seccomp=unconfined)";
  return {check};
}

}  // namespace millrace::apps
