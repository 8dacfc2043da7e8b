#include "millrace/sharing/process/type_name.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace millrace {

std::string type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? name.get() : type.name();
}

std::string current_exception_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type != nullptr ? type_name(*type) : "a foreign exception";
}

}  // namespace millrace
