#include "millrace/sharing/codec/archive.h"

#include <fcntl.h>

#include "millrace/sharing/os/syscall.h"

namespace millrace {

std::vector<int> Encoded::fd_numbers() const {
  std::vector<int> numbers;
  numbers.reserve(fds.size());
  for (const auto& fd : fds) numbers.push_back(fd.get());
  return numbers;
}

void EncodeArchive::write(const void* data, size_t size) {
  const auto* first = static_cast<const std::byte*>(data);
  out_.bytes.insert(out_.bytes.end(), first, first + size);
}

void EncodeArchive::attach(int fd) {
  out_.fds.emplace_back(MILLRACE_SYSCALL(::fcntl(fd, F_DUPFD_CLOEXEC, 0), fd));
}

void DecodeArchive::read(void* data, size_t size) {
  if (size > bytes_.size())
    throw DecodeError("a value of " + std::to_string(size) + " bytes was expected with " +
                      std::to_string(bytes_.size()) + " bytes left");
  if (size > 0) std::memcpy(data, bytes_.data(), size);
  bytes_ = bytes_.subspan(size);
}

OwnedFd DecodeArchive::detach() {
  if (fds_.empty()) throw DecodeError("a descriptor was expected, but none is left in the message");
  OwnedFd fd = std::move(fds_.front());
  fds_ = fds_.subspan(1);
  return fd;
}

}  // namespace millrace
