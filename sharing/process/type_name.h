#pragma once

#include <string>
#include <typeinfo>

namespace millrace {

/// A type's name as one would write it.
std::string type_name(const std::type_info& type);

/// The type of the exception being handled, whether or not it is a std::exception. REQUIRES: inside a catch block.
std::string current_exception_type();

}  // namespace millrace
