#pragma once

#include <string>
#include <vector>

namespace millrace::test {

/// A .npy file of float32 of that shape, "4, 2", as NumPy writes it.
inline std::string npy_of_floats(const std::string& shape, const std::vector<float>& numbers) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize(117, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n" +
         std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
}

}  // namespace millrace::test
