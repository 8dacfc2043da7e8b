#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/tests/support/console.h"
#include "millrace/tests/support/paths.h"

/// The command lines that README.md and docs/ print, and what tests/docs/command_lines.md says of them.
namespace millrace::test {

/// All but the page whose lines are one journey, which has a test of its own (getting_started_test.cpp).
inline std::vector<std::filesystem::path> pages() {
  std::vector<std::filesystem::path> pages{source("README.md")};
  for (const auto& entry : std::filesystem::directory_iterator(source("docs")))
    if (entry.path().extension() == ".md" && entry.path().stem() != "getting_started") pages.push_back(entry.path());
  return pages;
}

/// The lines of all pages that begin with that program, by where they stand first: lines of a shell, indented or in a
/// block, and pieces of a text.
inline std::map<std::string, std::string> lines_of_pages(const std::string& program) {
  const std::regex shell("^(?:    )?(?:\\$ )?(" + program + " [^#]*?)\\s*(?:#.*)?$");
  const std::regex in_text("`(" + program + " [^`]*)`");
  std::map<std::string, std::string> lines;
  for (const auto& page : pages()) {
    std::ifstream file(page);
    std::string line;
    bool in_block = false;
    for (int number = 1; std::getline(file, line); ++number) {
      const std::string where = page.filename().string() + ":" + std::to_string(number);
      if (line.starts_with("```")) in_block = !in_block;
      std::smatch match;
      if ((in_block || line.starts_with("    ")) && std::regex_match(line, match, shell))
        lines.emplace(match[1], where);
      for (std::sregex_iterator at(line.begin(), line.end(), in_text), end; at != end; ++at)
        lines.emplace((*at)[1], where);
    }
  }
  return lines;
}

/// What each line of that program prints.
inline std::map<std::string, ConsoleStep> expected_output(const std::string& program) {
  std::ostringstream text;
  text << std::ifstream(source("tests/docs/command_lines.md")).rdbuf();
  std::map<std::string, ConsoleStep> steps;
  for (auto& step : console_steps(text.str()))
    if (step.command.starts_with(program + " ")) steps.emplace(step.command, step);
  return steps;
}

}  // namespace millrace::test
