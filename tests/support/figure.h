#pragma once

#include <gtest/gtest.h>

#include <iostream>
#include <string>

namespace millrace::test {

/// Notes what was measured while a test ran, and is compared with nothing: in the results of --gtest_output, and in
/// what the test prints, which ctest keeps in Testing/Temporary/LastTest.log.
inline void record_figure(const std::string& name, double value) {
  testing::Test::RecordProperty(name, std::to_string(value));
  std::cout << "[ figure   ] " << name << ": " << value << std::endl;
}

}  // namespace millrace::test
