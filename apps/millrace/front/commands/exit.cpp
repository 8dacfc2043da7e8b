#include "millrace/apps/millrace/front/commands/exit.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "millrace/sharing/os/printable.h"

namespace millrace::apps {
namespace {

ErrorForm error_form = ErrorForm::kLines;

int fail_in_json(int code, const nlohmann::json& errors) {
  // What libraries and files are called may be no UTF-8.
  const auto line = nlohmann::json{{"errors", errors}, {"exit_code", code}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::fprintf(stderr, "%s\n", line.c_str());
  return code;
}

nlohmann::json to_json(const configs::Problem& problem) {
  nlohmann::json error{{"text", problem.text}};
  if (problem.origin.line == 0) return error;
  error["file"] = problem.origin.source;
  error["line"] = problem.origin.line;
  error["column"] = problem.origin.column;
  return error;
}

// Whatever a library wrote, and in one line.
std::string on_one_line(const std::string& what) {
  std::string line = printable_lines(what);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

// An error with a list behind it, whose lines are indented: they stay lines.
std::string with_its_list(const std::string& what) {
  constexpr std::string_view kItem = "\n  ";
  const size_t list = std::min(what.find(kItem), what.size());
  std::string text = on_one_line(what.substr(0, list));
  for (size_t begin = list; begin < what.size();) {
    const size_t end = std::min(what.find(kItem, begin + kItem.size()), what.size());
    text.append(kItem).append(on_one_line(what.substr(begin + kItem.size(), end - begin - kItem.size())));
    begin = end;
  }
  return text;
}

int print_error(int code, const std::string& text) {
  std::fprintf(stderr, "millrace: %s\n", text.c_str());
  return code;
}

}  // namespace

void tell_errors_as(ErrorForm form) { error_form = form; }

int fail(int code, std::string what) {
  if (error_form == ErrorForm::kJson) return fail_in_json(code, nlohmann::json::array({{{"text", what}}}));
  return print_error(code, on_one_line(what));
}

int fail(const configs::ConfigError& error) {
  const auto& problems = error.problems();
  if (error_form == ErrorForm::kJson) {
    auto errors = nlohmann::json::array();
    for (const configs::Problem& problem : problems) errors.push_back(to_json(problem));
    return fail_in_json(kWrongUsage, errors);
  }
  for (size_t i = 0; i < std::min(problems.size(), configs::ConfigError::kTold); ++i)
    print_error(kWrongUsage, with_its_list(problems[i].text));
  if (problems.size() > 1) fail(kWrongUsage, std::to_string(problems.size()) + " errors in the configuration");
  return kWrongUsage;
}

int with_stdout_written(int code) {
  errno = 0;
  const bool is_written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (is_written || code != kDone) return code;
  // A line that failed before has left no reason.
  return fail(kWorkFailed, std::string("what was printed could not be written") +
                               (errno == 0 ? "; is the disk full, or was the pipe closed?"
                                           : std::string(": ") + std::strerror(errno)));
}

}  // namespace millrace::apps
