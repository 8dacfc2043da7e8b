#include "millrace/sharing/os/syscall.h"

#include "millrace/sharing/os/limits.h"

namespace millrace {

SyscallError::SyscallError(int error, const std::string& what) : SyscallError(error, what, limit_behind(error)) {}

SyscallError::SyscallError(int error, const std::string& what, const std::string& limit)
    : std::system_error(error, std::generic_category(), what), text_(std::system_error::what() + limit) {}

std::string detail::name_of_call(std::string_view call) {
  constexpr std::string_view kGlobal = "::", kByNumber = "syscall(SYS_";
  if (call.starts_with(kGlobal)) call.remove_prefix(kGlobal.size());
  if (call.starts_with(kByNumber)) call.remove_prefix(kByNumber.size());
  return std::string(call.substr(0, call.find_first_of("(,")));
}

}  // namespace millrace
