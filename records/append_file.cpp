#include "millrace/records/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "millrace/sharing/os/file_size.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::records {

namespace {

// What a user reads whose disk is full: the path, and no line of ours. `result` is a system call's.
template <class Result>
Result written(Result result, const std::string& path) {
  if (result < 0) throw SyscallError(errno, "cannot write " + in_quotes(path));
  return result;
}

}  // namespace

AppendFile AppendFile::make(std::string path) { return {std::move(path), O_CREAT | O_EXCL}; }

AppendFile AppendFile::open(std::string path) { return {std::move(path), O_CREAT}; }

AppendFile::AppendFile(std::string path, int flags)
    : path_(std::move(path)),
      fd_(written(detail::retry_interrupted(
                      [&] { return ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0666); }),
                  path_)) {}

void AppendFile::append(std::string_view bytes) {
  const auto end = written(::lseek(fd_.get(), 0, SEEK_END), path_);
  require_file_size(static_cast<uint64_t>(end) + bytes.size(), path_);
  while (!bytes.empty())
    bytes.remove_prefix(static_cast<size_t>(
        written(detail::retry_interrupted([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); }), path_)));
}

}  // namespace millrace::records
