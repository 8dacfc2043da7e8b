#include "millrace/sharing/os/memfd.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/syscall.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace millrace {
namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

// The kernel gives up an allocation that a signal interrupts, and undoes it. In one piece, a gigabyte under a
// profiler's timer would begin anew for ever; a step this small gets done between two ticks, and still is a whole huge
// page.
constexpr size_t kAllocationStep = size_t{2} << 20;

OwnedFd open_memfd(const char* label) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  OwnedFd fd(::memfd_create(label, kFlags | MFD_NOEXEC_SEAL));
  // Kernels before 6.3 do not know MFD_NOEXEC_SEAL.
  if (!fd && errno == EINVAL) fd = OwnedFd(::memfd_create(label, kFlags));
  if (!fd) detail::throw_syscall_error(errno, "memfd_create", label);
  return fd;
}

}  // namespace

OwnedFd create_memfd(const char* label, size_t bytes) {
  require_file_size(bytes, std::string("shared memory for '") + label + "'");
  OwnedFd fd = open_memfd(label);
  MILLRACE_SYSCALL(::ftruncate(fd.get(), static_cast<off_t>(bytes)), label, bytes);
  for (size_t at = 0; at < bytes; at += kAllocationStep) {
    const size_t step = std::min(kAllocationStep, bytes - at);
    MILLRACE_SYSCALL(::fallocate(fd.get(), 0, static_cast<off_t>(at), static_cast<off_t>(step)), label, bytes);
  }
  MILLRACE_SYSCALL(::fcntl(fd.get(), F_ADD_SEALS, kSizeSeals), label);
  return fd;
}

OwnedFd create_growing_memfd(const char* label) { return open_memfd(label); }

size_t sealed_size(int memfd) {
  const int seals = MILLRACE_SYSCALL(::fcntl(memfd, F_GET_SEALS), memfd);
  if ((seals & kSizeSeals) != kSizeSeals)
    throw std::runtime_error(
        "a shared-memory descriptor arrived whose size is not sealed; it was not made by Millrace");
  struct stat status {};
  MILLRACE_SYSCALL(::fstat(memfd, &status), memfd);
  return static_cast<size_t>(status.st_size);
}

}  // namespace millrace
