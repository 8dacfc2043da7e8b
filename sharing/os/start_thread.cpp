#include "millrace/sharing/os/start_thread.h"

#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {

void throw_start_error(int error, const std::string& call) {
  throw SyscallError(error, call, limit_behind_start(error));
}

}  // namespace millrace::detail
