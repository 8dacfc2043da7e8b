#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/support/console.h"
#include "millrace/tests/support/paths.h"

/// The command lines that README.md, docs/ and the comments of configs/ print, and what tests/docs/command_lines.md
/// says of them.
namespace millrace::test {

/// Pages whose ```console blocks are one journey, with what it prints, which has a test of its own
/// (getting_started_test.cpp, why_slow_test.cpp).
inline bool is_journey(const std::filesystem::path& page) {
  return page.filename() == "getting_started.md" || page.filename() == "why_slow.md";
}

inline std::vector<std::filesystem::path> pages() {
  std::vector<std::filesystem::path> pages{source("README.md")};
  for (const auto& [folder, kind] : {std::pair("docs", ".md"), {"configs", ".yaml"}})
    for (const auto& entry : std::filesystem::directory_iterator(source(folder)))
      if (entry.path().extension() == kind) pages.push_back(entry.path());
  return pages;
}

/// The lines of all pages that begin with that program, by where they stand first: lines of a shell, indented or in a
/// block, or in the comment of a configuration, and pieces of a text.
inline std::map<std::string, std::string> lines_of_pages(const std::string& program) {
  const std::regex shell("^(?:    |#   )?(?:\\$ )?(" + program + " [^#]*?)\\s*(?:#.*)?$");
  const std::regex in_text("`(" + program + " [^`]*)`");
  std::map<std::string, std::string> lines;
  for (const auto& page : pages()) {
    std::ifstream file(page);
    std::string line;
    bool in_block = false, is_elsewhere = false;
    for (int number = 1; std::getline(file, line); ++number) {
      const std::string where = page.filename().string() + ":" + std::to_string(number);
      if (line.starts_with("```")) {
        in_block = !in_block;
        is_elsewhere = is_journey(page) && line == "```console";
      }
      if (is_elsewhere) continue;
      const bool is_shell = in_block || line.starts_with("    ") || line.starts_with("#   ");
      std::smatch match;
      if (is_shell && std::regex_match(line, match, shell)) lines.emplace(match[1], where);
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

/// That a line printed what its block of command_lines.md says, which then is taken off. `printed` is what a failure
/// shows of it.
inline void expect_block(std::map<std::string, ConsoleStep>& blocks, const std::string& line, const std::string& output,
                         const std::string& printed) {
  const auto block = blocks.find(line);
  if (block == blocks.end()) {
    ADD_FAILURE() << "tests/docs/command_lines.md has no block of $ " << line << "\n" << printed;
    return;
  }
  EXPECT_EQ(difference(block->second, output), "") << printed;
  blocks.erase(block);
}

inline void expect_no_block(const std::map<std::string, ConsoleStep>& blocks) {
  for (const auto& [line, _] : blocks) ADD_FAILURE() << "no page prints this line of command_lines.md: " << line;
}

}  // namespace millrace::test
