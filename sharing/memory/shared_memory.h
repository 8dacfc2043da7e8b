#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "millrace/sharing/codec/archive.h"

namespace millrace::multiprocessing {

/// multiprocessing.shared_memory.SharedMemory: memory with a name, by which any process of the same user finds it.
///
///   auto made = mp::SharedMemory::create(1 << 20, "frames");  // one program
///   auto found = mp::SharedMemory::open("frames");            // another
///
/// The memory is a file of /dev/shm, and stays until unlink() or the machine's next start, whoever dies: no janitor
/// process removes it, as Python's resource tracker does. For processes that start each other use RawArray or tensors,
/// of which nothing can stay. A process that has the name can truncate the file, which kills those who use the memory.
///
/// Thread safety: none but what the caller arranges for the bytes; otherwise as a container. Descriptors: none once the
/// object is made.
class SharedMemory {
 public:
  /// An object without memory, for a parameter that memory is loaded into.
  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept
      : name_(std::move(other.name_)), memory_(std::exchange(other.memory_, {})) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  ~SharedMemory() { close(); }

  /// New memory of `bytes` bytes, all zero. An empty name lets one be chosen. Throws std::invalid_argument for 0 bytes
  /// or a name with a slash, SyscallError (EEXIST) when the name is taken, OutOfSharedMemory.
  static SharedMemory create(size_t bytes, const std::string& name = {});

  /// The memory of that name. Throws SyscallError (ENOENT) when there is none.
  static SharedMemory open(const std::string& name);

  const std::string& name() const { return name_; }
  size_t size() const { return memory_.size(); }
  std::span<std::byte> buf() const { return memory_; }

  /// Unmaps the memory in this process.
  void close();

  /// Removes the name, which one of all users does; the memory lives on with those who have it. Throws SyscallError.
  void unlink() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  SharedMemory(std::string name, std::span<std::byte> memory) : name_(std::move(name)), memory_(memory) {}

  std::string name_;
  std::span<std::byte> memory_;
};

}  // namespace millrace::multiprocessing
