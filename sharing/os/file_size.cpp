#include "millrace/sharing/os/file_size.h"

#include <cerrno>

#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {

void require_file_size(uint64_t bytes, const std::string& what) {
  const auto limit = limit_of_file_size();
  if (limit && bytes > *limit) throw SyscallError(EFBIG, what + " of " + std::to_string(bytes) + " bytes");
}

}  // namespace millrace
