#include "millrace/sharing/os/memfd.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/file_size.h"
#include "millrace/sharing/os/syscall.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace millrace {
namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;
constexpr int64_t kBlock = 512;  // Bytes, of st_blocks.

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

bool has_seals(int fd, int wanted) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & wanted) == wanted;
}

}  // namespace

OwnedFd create_freezable_memfd(const char* label, size_t bytes) {
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

OwnedFd create_memfd(const char* label, size_t bytes) {
  OwnedFd fd = create_freezable_memfd(label, bytes);
  MILLRACE_SYSCALL(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL), label);
  return fd;
}

OwnedFd create_growing_memfd(const char* label) { return open_memfd(label); }

void freeze_memfd(int memfd) {
  MILLRACE_SYSCALL(::fcntl(memfd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL), memfd);
}

bool is_frozen(int memfd) { return has_seals(memfd, F_SEAL_FUTURE_WRITE); }

bool has_sealed_size(int memfd) { return has_seals(memfd, kSizeSeals | F_SEAL_SEAL); }

size_t sealed_size(int memfd) {
  if (!has_sealed_size(memfd))
    throw std::runtime_error(
        "a shared-memory descriptor arrived whose size is not sealed; it was not made by Millrace");
  struct stat status{};
  MILLRACE_SYSCALL(::fstat(memfd, &status), memfd);
  if (status.st_blocks < status.st_size / kBlock)
    throw std::runtime_error("a shared-memory descriptor arrived that says it has " + std::to_string(status.st_size) +
                             " bytes, of which only " + std::to_string(status.st_blocks * kBlock) +
                             " are there; it was not made by Millrace");
  return static_cast<size_t>(status.st_size);
}

}  // namespace millrace
