#include "millrace/sharing/memory/segment.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <sstream>

#include "millrace/sharing/memory/huge_page.h"
#include "millrace/sharing/memory/probe.h"
#include "millrace/sharing/os/file_size.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

std::string in_mib(size_t bytes) {
  std::ostringstream out;
  out.precision(1);
  out << std::fixed << static_cast<double>(bytes) / (1 << 20) << " MiB";
  return out.str();
}

// Asked before the memory is allocated: past a cgroup's limit the kernel does not fail the allocation, it kills us.
void require_room(const std::string& label, size_t bytes, const std::string& knob) {
  const auto room = memory_room();
  if (!room) return;
  const size_t available = room->bytes - room->bytes / 10;
  if (bytes <= available) return;
  throw OutOfSharedMemory("shared memory for the " + label + " needs " + in_mib(bytes) + ", but only " +
                              in_mib(available) + " may be taken (limited by " + room->limited_by + "): " + knob,
                          bytes, available);
}

// Whether a file is this user's, on /dev/shm. The file system's number tells: a memfd lies on one like it, which has no
// name.
bool is_own_file_on_dev_shm(const struct stat& file) {
  struct stat mount{};
  struct statfs system{};
  return S_ISREG(file.st_mode) && file.st_uid == ::geteuid() && ::stat("/dev/shm", &mount) == 0 &&
         mount.st_dev == file.st_dev && ::statfs("/dev/shm", &system) == 0 && system.f_type == TMPFS_MAGIC;
}

std::atomic<UnsealedMemory> unsealed_here = UnsealedMemory::kRefused;

}  // namespace

SharedSegment SharedSegment::create(const std::string& label, size_t bytes, const std::string& knob) {
  require_room(label, bytes, knob);
  return {create_memfd(("millrace " + label).c_str(), bytes), bytes};
}

SharedSegment SharedSegment::create_freezable(const std::string& label, size_t bytes, const std::string& knob) {
  require_room(label, bytes, knob);
  return {create_freezable_memfd(("millrace " + label).c_str(), bytes), bytes};
}

SharedSegment SharedSegment::adopt(OwnedFd fd) {
  const size_t bytes = sealed_size(fd.get());
  return {std::move(fd), bytes};
}

SharedSegment SharedSegment::create_on_dev_shm(const std::string& label, size_t bytes, const std::string& knob) {
  require_room(label, bytes, knob);
  require_file_size(bytes, "shared memory for the " + label);
  OwnedFd fd(MILLRACE_SYSCALL(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "/dev/shm", label));
  const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes));
  if (error == ENOSPC) {
    struct statvfs room{};
    MILLRACE_SYSCALL(::fstatvfs(fd.get(), &room), "/dev/shm");
    const size_t available = room.f_bavail * room.f_frsize;
    throw OutOfSharedMemory(
        label + " needs " + in_mib(bytes) + ", but /dev/shm has only " + in_mib(available) + " left: " + knob, bytes,
        available);
  }
  if (error != 0) detail::throw_syscall_error(error, "posix_fallocate", "/dev/shm", label, bytes);
  return {std::move(fd), bytes};
}

SharedSegment SharedSegment::adopt_unsealed(OwnedFd fd) {
  if (unsealed_memory() == UnsealedMemory::kRefused)
    throw std::runtime_error(
        "shared memory arrived that its sender could truncate, which would kill this process: it is taken only under "
        "the file_system strategy (set_sharing_strategy(SharingStrategy::kFileSystem), in this process too)");
  struct stat status{};
  MILLRACE_SYSCALL(::fstat(fd.get(), &status), fd.get());
  if (!is_own_file_on_dev_shm(status))
    throw std::runtime_error(
        "shared memory arrived that is neither sealed nor a file of this user on /dev/shm; it was not made by "
        "Millrace");
  return {std::move(fd), static_cast<size_t>(status.st_size)};
}

void set_unsealed_memory(UnsealedMemory unsealed) { unsealed_here = unsealed; }

UnsealedMemory unsealed_memory() { return unsealed_here; }

MappedSegment::MappedSegment(const SharedSegment& segment, Access access) {
  if (segment.bytes() == 0) return;
  const int protection = access == Access::kRead ? PROT_READ : PROT_READ | PROT_WRITE;
  void* address = ::mmap(nullptr, segment.bytes(), protection, MAP_SHARED, segment.fd(), 0);
  if (address == MAP_FAILED) detail::throw_syscall_error(errno, "mmap", "shared segment", segment.bytes());
  memory_ = {static_cast<std::byte*>(address), segment.bytes()};
  // Advice: refused where the kernel has shared huge pages switched off, and then 4 KiB pages serve as well.
  if (segment.bytes() >= kHugePage) ::madvise(address, segment.bytes(), MADV_HUGEPAGE);
}

MappedSegment::~MappedSegment() {
  if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
}

}  // namespace millrace
