#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"

namespace millrace::test {

/// How a command ended, and what it printed.
struct Ended {
  int exit_code = -1;  ///< -1: by a signal.
  std::string out;
  std::string err;
};

/// Runs a line of sh in a folder, with nothing to read, a minute long at most unless said.
inline Ended run_in(const std::string& folder, const std::string& line, int seconds = 60) {
  const Directory prints;
  prints.write("line", line);
  const std::string out = prints.path() + "/out", err = prints.path() + "/err";
  const std::string command = "cd '" + folder + "' && timeout " + std::to_string(seconds) + " sh '" + prints.path() +
                              "/line' </dev/null >'" + out + "' 2>'" + err + "'";
  const int status = std::system(command.c_str());
  const auto text_of = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(out), text_of(err)};
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace millrace::test
