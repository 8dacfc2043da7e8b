#pragma once

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/support/paths.h"

// Python's torch, where there is one, as the reference that index streams are compared with.
namespace millrace::test {

using Lists = std::vector<std::vector<int64_t>>;

/// What pytorch_streams.py says to each question, a line of its documentation.
struct PyTorchAnswers {
  std::string version;
  std::vector<Lists> lists;
};

/// The Python with torch in it: the environment variable MILLRACE_PYTHON, else python3.
inline std::string python() {
  const char* given = std::getenv("MILLRACE_PYTHON");
  return given != nullptr ? given : "python3";
}

namespace detail {

inline std::pair<int, std::string> output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string text;
  char buffer[4096];
  for (size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, got);
  return {::pclose(pipe), std::move(text)};
}

inline Lists lists_of(const std::string& line) {
  Lists lists(1);
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    if (word == "|")
      lists.emplace_back();
    else
      lists.back().push_back(std::stoll(word));
  }
  return lists;
}

}  // namespace detail

/// What a script of tests/ says to the questions, a line each in a file whose name is its argument: torch's version and
/// the answers, a line each. Nothing when there is no Python that can import torch, which scripts tell by exiting
/// with 3.
inline std::optional<std::vector<std::string>> ask_python(const std::string& script,
                                                          const std::vector<std::string>& questions) {
  std::string path = (std::filesystem::temp_directory_path() / "millrace_questions_XXXXXX").string();
  const int fd = ::mkstemp(path.data());
  if (fd < 0) throw std::runtime_error("cannot make a file " + path);
  ::close(fd);
  {
    std::ofstream file(path);
    for (const auto& question : questions) file << question << '\n';
  }
  const auto [status, text] =
      detail::output_of("'" + python() + "' '" + source("tests/" + script) + "' '" + path + "'");
  std::filesystem::remove(path);
  constexpr int kNoTorch = 3, kNoPython = 127;
  if (WIFEXITED(status) && (WEXITSTATUS(status) == kNoTorch || WEXITSTATUS(status) == kNoPython)) return std::nullopt;
  if (status != 0) throw std::runtime_error(script + " failed, see its message above");
  std::vector<std::string> answers;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) answers.push_back(line);
  if (answers.size() != questions.size() + 1) throw std::runtime_error(script + " left questions open");
  return answers;
}

/// The index streams that pytorch_streams.py gives. Nothing when there is no Python that can import torch.
inline std::optional<PyTorchAnswers> ask_pytorch(const std::vector<std::string>& questions) {
  const auto lines = ask_python("samplers/pytorch_streams.py", questions);
  if (!lines) return std::nullopt;
  PyTorchAnswers answers{lines->front(), {}};
  for (size_t i = 1; i < lines->size(); ++i) answers.lists.push_back(detail::lists_of((*lines)[i]));
  return answers;
}

}  // namespace millrace::test
