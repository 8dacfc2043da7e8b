#pragma once

#include <exception>
#include <string>

namespace millrace::test {

/// What the Error that `call` throws says; "no error" when it throws nothing. Other errors pass.
template <class Error = std::exception, class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace millrace::test
