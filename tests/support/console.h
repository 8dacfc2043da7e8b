#pragma once

#include <algorithm>
#include <cstddef>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// Commands of pages, with what they print.
namespace millrace::test {

/// A command of a page and the lines below it. A line "…" stands for lines that are left out, "…" in a line for words
/// that are, any number for any other, and spaces for as many as columns take.
struct ConsoleStep {
  std::string command;
  std::vector<std::string> lines;
  std::string interrupted_behind = "";  ///< The line before ^C; empty: nothing is pressed.
};

/// The commands of the ```console blocks of a page: lines that begin with "$ ".
inline std::vector<ConsoleStep> console_steps(const std::string& page) {
  std::vector<ConsoleStep> steps;
  std::istringstream lines(page);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```console";
    } else if (inside && line.starts_with("$ ")) {
      steps.push_back({line.substr(2), {}});
    } else if (inside && line == "^C") {
      steps.back().interrupted_behind = steps.back().lines.back();
    } else if (inside) {
      steps.back().lines.push_back(line);
    }
  }
  return steps;
}

/// Whether a line that was printed is the one that a page shows.
inline bool is_line(std::string_view printed, std::string_view shown) {
  constexpr std::string_view kLeftOut = "…";
  static const std::regex kNumber("[0-9]+([.,][0-9]+)*"), kSpaces(" +");
  const auto without_numbers = [](std::string_view text) {
    return std::regex_replace(std::regex_replace(std::string(text), kNumber, "N"), kSpaces, " ");
  };
  const std::string line = without_numbers(printed), wanted = without_numbers(shown);
  size_t at = 0, begin = 0;
  for (size_t end = wanted.find(kLeftOut); end != wanted.npos; end = wanted.find(kLeftOut, begin)) {
    const size_t found = line.find(wanted.substr(begin, end - begin), at);
    if (found == line.npos || (begin == 0 && found != 0)) return false;
    at = found + (end - begin);
    begin = end + kLeftOut.size();
  }
  const std::string rest = wanted.substr(begin);
  return begin == 0 ? line == rest : line.size() >= at + rest.size() && line.ends_with(rest);
}

/// What is otherwise in `printed` than its page says; "" for nothing.
inline std::string difference(const ConsoleStep& step, const std::string& printed) {
  std::vector<std::string> lines;
  std::istringstream text(printed);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  auto at = lines.begin();
  bool may_skip = false;
  for (const std::string& wanted : step.lines) {
    if (wanted == "…") {
      may_skip = true;
      continue;
    }
    const auto is_wanted = [&](const std::string& line) { return is_line(line, wanted); };
    const auto found = std::find_if(at, may_skip ? lines.end() : at + (at != lines.end()), is_wanted);
    if (found == lines.end() || !is_wanted(*found)) return "no line like '" + wanted + "' where it should stand";
    at = found + 1;
    may_skip = false;
  }
  return may_skip || at == lines.end() ? "" : "a line more: '" + *at + "'";
}

}  // namespace millrace::test
