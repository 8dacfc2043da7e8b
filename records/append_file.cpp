#include "millrace/records/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "millrace/sharing/os/file_size.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::records {

AppendFile AppendFile::make(std::string path) { return {std::move(path), O_CREAT | O_EXCL}; }

AppendFile AppendFile::open(std::string path) { return {std::move(path), O_CREAT}; }

AppendFile::AppendFile(std::string path, int flags)
    : path_(std::move(path)),
      fd_(MILLRACE_SYSCALL(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0666), path_)) {}

void AppendFile::append(std::string_view bytes) {
  const auto end = MILLRACE_SYSCALL(::lseek(fd_.get(), 0, SEEK_END), path_);
  require_file_size(static_cast<uint64_t>(end) + bytes.size(), path_);
  while (!bytes.empty())
    bytes.remove_prefix(static_cast<size_t>(MILLRACE_SYSCALL(::write(fd_.get(), bytes.data(), bytes.size()), path_)));
}

}  // namespace millrace::records
