#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// There is not enough memory for a shared segment. Thrown before a single page is touched, because going past a
/// cgroup's limit would get the process killed instead.
class OutOfSharedMemory : public std::runtime_error {
 public:
  OutOfSharedMemory(const std::string& what, size_t needed, size_t available)
      : std::runtime_error(what), needed_(needed), available_(available) {}

  size_t needed() const { return needed_; }        ///< Bytes.
  size_t available() const { return available_; }  ///< Bytes, a tenth of the room left out as margin.

 private:
  size_t needed_;
  size_t available_;
};

/// Anonymous shared memory as a handle that may travel to another process (send its descriptor). It has no address; see
/// MappedSegment. Its size is fixed for life and all its memory is allocated when it is made, so no later write can
/// fail.
class SharedSegment {
 public:
  SharedSegment() = default;

  /// `label` says in /proc/PID/maps and in errors what it is; `knob` says in OutOfSharedMemory what the user can turn
  /// down. Throws OutOfSharedMemory or SyscallError.
  static SharedSegment create(const std::string& label, size_t bytes, const std::string& knob);

  /// Creates memory that is written once; see FrozenSegment. Other processes take it only when it is frozen. Throws as
  /// create().
  static SharedSegment create_freezable(const std::string& label, size_t bytes, const std::string& knob);

  /// Creates memory on the file system mounted at /dev/shm, whose size bounds it as well. The file never has a name, so
  /// nothing is left of it when its last user dies, however that happens. Its size cannot be sealed. Throws as
  /// create().
  static SharedSegment create_on_dev_shm(const std::string& label, size_t bytes, const std::string& knob);

  /// Takes over a descriptor received from another process. Throws std::runtime_error if its size is not sealed, or its
  /// memory is not there.
  static SharedSegment adopt(OwnedFd fd);

  /// Takes over a descriptor of memory that create_on_dev_shm() made, which has no seals: a process that truncates the
  /// file kills those who use it with SIGBUS. So this throws std::runtime_error unless the process accepts such memory
  /// (set_unsealed_memory()) and `fd` is a file of the same user on /dev/shm.
  static SharedSegment adopt_unsealed(OwnedFd fd);

  /// The segment by `opening`, another opening of its file.
  static SharedSegment reopened(OwnedFd opening, const SharedSegment& segment) {
    return {std::move(opening), segment.bytes_};
  }

  int fd() const { return fd_.get(); }
  size_t bytes() const { return bytes_; }
  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  SharedSegment(OwnedFd fd, size_t bytes) : fd_(std::move(fd)), bytes_(bytes) {}

  OwnedFd fd_;
  size_t bytes_ = 0;
};

/// Whether this process takes memory from other processes that they can truncate while it is in use. A child begins
/// with its parent's setting.
enum class UnsealedMemory : uint8_t { kRefused, kAccepted };

/// Sets what is done with memory that comes from now on; memory in use stays. It is refused at first. Thread-safe.
void set_unsealed_memory(UnsealedMemory unsealed);
UnsealedMemory unsealed_memory();

enum class Access { kRead, kReadWrite };

/// A segment's memory at an address in this process. Stays valid after the SharedSegment is gone. Move-only; any thread
/// may use the memory.
class MappedSegment {
 public:
  MappedSegment() = default;

  /// Maps the whole segment, with huge pages where the kernel grants them for shared memory.
  MappedSegment(const SharedSegment& segment, Access access);
  MappedSegment(MappedSegment&& other) noexcept : memory_(std::exchange(other.memory_, {})) {}
  MappedSegment& operator=(MappedSegment&& other) noexcept {
    std::swap(memory_, other.memory_);
    return *this;
  }
  ~MappedSegment();

  std::byte* data() const { return memory_.data(); }
  size_t size() const { return memory_.size(); }

 private:
  std::span<std::byte> memory_;
};

}  // namespace millrace
