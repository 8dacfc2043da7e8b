#pragma once

#include <concepts>
#include <string>

namespace millrace::records {

/// Appends the bytes of a number, the lowest first, whatever the machine.
template <std::unsigned_integral T>
void append_little_endian(std::string& bytes, T value) {
  for (size_t byte = 0; byte < sizeof value; ++byte) bytes.push_back(static_cast<char>(value >> (8 * byte)));
}

}  // namespace millrace::records
