#include "millrace/apps/millrace/front/commands/exit.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

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

}  // namespace

void tell_errors_as(ErrorForm form) { error_form = form; }

int fail(int code, std::string what) {
  if (error_form == ErrorForm::kJson) return fail_in_json(code, nlohmann::json::array({{{"text", what}}}));
  what = printable_lines(what);                       // Whatever a library wrote,
  std::replace(what.begin(), what.end(), '\n', ' ');  // and in one line.
  std::fprintf(stderr, "millrace: %s\n", what.c_str());
  return code;
}

int fail(const configs::ConfigError& error) {
  const auto& problems = error.problems();
  if (error_form == ErrorForm::kJson) {
    auto errors = nlohmann::json::array();
    for (const configs::Problem& problem : problems) errors.push_back(to_json(problem));
    return fail_in_json(kWrongUsage, errors);
  }
  for (size_t i = 0; i < std::min(problems.size(), configs::ConfigError::kTold); ++i)
    fail(kWrongUsage, problems[i].text);
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
