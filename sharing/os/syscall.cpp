#include "millrace/sharing/os/syscall.h"

#include "millrace/sharing/os/limits.h"

namespace millrace {

SyscallError::SyscallError(int error, const std::string& what) : SyscallError(error, what, limit_behind(error)) {}

SyscallError::SyscallError(int error, const std::string& what, const std::string& limit)
    : std::system_error(error, std::generic_category(), what), text_(std::system_error::what() + limit) {}

}  // namespace millrace
