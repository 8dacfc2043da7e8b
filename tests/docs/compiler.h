#pragma once

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace::test {

inline std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What the compiler says to a file with these lines, when it is given this option.
inline std::string compiler_on(const std::string& lines, const std::string& option) {
  const test::Directory directory;
  const std::string file = directory.path() + "/file.cpp";
  std::ofstream(file) << lines;
  // The build wrote compiler and include directories.
  const std::string command = text_of(test::built("tests/headers_command.txt")) + " " + option + " '" + file + "' 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> output(::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  for (int c = 0; (c = std::fgetc(output.get())) != EOF;) text += static_cast<char>(c);
  return text;
}

}  // namespace millrace::test
