#include "millrace/loader/images/header_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::image {
namespace {

// Most headers are at the beginning; behind what a camera writes there, or at the end of some TIFFs, is the rest.
constexpr size_t kUsualHeader = 1 << 14;

}  // namespace

Size HeaderReader::read(const std::string& path) {
  const OwnedFd file = detail::open_regular(path);
  const auto all = static_cast<size_t>(stamp_of(file.get(), path).size);
  try {
    return decoder_.open(first(file, std::min(all, kUsualHeader), path), options_);
  } catch (const std::runtime_error&) {
    if (all <= kUsualHeader) throw;
    require_file_size(all, options_);
    return decoder_.open(first(file, all, path), options_);
  }
}

std::optional<Size> HeaderReader::try_read(const std::string& path) {
  try {
    return read(path);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::span<const std::byte> HeaderReader::first(const OwnedFd& file, size_t bytes, const std::string& path) {
  if (buffer_.size() < bytes) buffer_.resize(bytes);
  size_t done = 0;
  while (done < bytes) {
    const auto got =
        MILLRACE_SYSCALL(::pread(file.get(), buffer_.data() + done, bytes - done, static_cast<off_t>(done)), path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return {buffer_.data(), done};
}

}  // namespace millrace::image
