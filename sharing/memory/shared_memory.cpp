#include "millrace/sharing/memory/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::multiprocessing {
namespace {

constexpr const char* kSharedMemory = "a SharedMemory";

std::string path_of(const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos || name == "." ||
      name == "..")
    throw std::invalid_argument("a SharedMemory cannot have the name " + printable(name) +
                                ": it is a file's in /dev/shm");
  return "/dev/shm/" + name;
}

std::string chosen_name() {
  uint64_t number = 0;
  MILLRACE_SYSCALL(::getrandom(&number, sizeof number, 0));
  return "millrace_" + std::to_string(number);
}

std::span<std::byte> map(int file, size_t bytes) {
  void* const address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (address == MAP_FAILED) millrace::detail::throw_syscall_error(errno, "mmap", "SharedMemory", bytes);
  return {static_cast<std::byte*>(address), bytes};
}

}  // namespace

SharedMemory SharedMemory::create(size_t bytes, const std::string& name) {
  if (bytes == 0) throw std::invalid_argument("a SharedMemory of no bytes was asked for");
  const std::string own_name = name.empty() ? chosen_name() : name;
  const std::string path = path_of(own_name);
  // Named when all its memory is there, so that nobody finds half of it.
  const auto segment = SharedSegment::create_on_dev_shm("SharedMemory", bytes, "ask for less");
  const auto memory = map(segment.fd(), bytes);
  SharedMemory made(own_name, memory);
  const std::string opened = "/proc/self/fd/" + std::to_string(segment.fd());
  MILLRACE_SYSCALL(::linkat(AT_FDCWD, opened.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW), path);
  return made;
}

SharedMemory SharedMemory::open(const std::string& name) {
  const std::string path = path_of(name);
  const OwnedFd file(MILLRACE_SYSCALL(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), path));
  struct stat status{};
  MILLRACE_SYSCALL(::fstat(file.get(), &status), path);
  if (!S_ISREG(status.st_mode) || status.st_size == 0)
    throw std::runtime_error(printable(path) + " is no memory that a SharedMemory could be");
  return {name, map(file.get(), static_cast<size_t>(status.st_size))};
}

void SharedMemory::close() {
  if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
  memory_ = {};
}

void SharedMemory::unlink() const {
  const std::string path = path_of(name_);
  MILLRACE_SYSCALL(::unlink(path.c_str()), path);
}

void SharedMemory::save(EncodeArchive& archive) const {
  millrace::detail::save_kind(archive, kSharedMemory);
  archive(name_);
}

void SharedMemory::load(DecodeArchive& archive) {
  millrace::detail::load_kind(archive, kSharedMemory);
  std::string name;
  archive(name);
  *this = open(name);
}

}  // namespace millrace::multiprocessing
