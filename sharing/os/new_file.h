#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <span>
#include <string>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// A file that is written under a passing name beside its own, and takes its own name when it is whole. So nobody ever
/// sees half of it, whoever writes the same file at the same time, and whenever the writer dies (a file that ends in
/// ".tmp" is left then). It stays where it was made; not thread-safe.
class NewFile {
 public:
  /// Creates the file under its passing name. Throws SyscallError, as the calls below, and std::runtime_error where a
  /// folder or a device has its own.
  explicit NewFile(std::string path);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// Removes the file unless commit() was called.
  ~NewFile();

  /// Appends all of `bytes`.
  void write(std::span<const std::byte> bytes);

  /// Lets those read and write it who may read and write the file of that status, and nobody else: what says something
  /// of another file is for whom that is for.
  void allow_readers_of(const struct stat& status);

  /// The descriptor, open for reading and writing.
  int fd() const { return fd_.get(); }

  /// The path that the file will have.
  const std::string& path() const { return path_; }

  /// The path that the file has now.
  const std::string& passing_path() const { return passing_path_; }

  /// Gives the file its own name. A file that had that name is replaced.
  void commit();

  /// The same for what a crash of the machine must not cost, either: its bytes are on the disk before it has its name,
  /// and the name is on the disk before this returns. Takes as long as the disk does.
  void commit_to_disk();

 private:
  std::string path_;
  std::string passing_path_;
  OwnedFd fd_;
  bool committed_ = false;
};

}  // namespace millrace
