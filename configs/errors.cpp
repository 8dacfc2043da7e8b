#include "millrace/configs/errors.h"

#include <algorithm>
#include <cstddef>

namespace millrace::configs {
namespace {

std::vector<Problem> in_order(std::vector<Problem> problems) {
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return comes_before(a.origin, b.origin); });
  return problems;
}

std::string lines_of(const std::vector<Problem>& problems) {
  std::string lines;
  for (size_t i = 0; i < std::min(problems.size(), ConfigError::kTold); ++i)
    lines.append(lines.empty() ? "" : "\n").append(problems[i].text);
  if (problems.size() > ConfigError::kTold)
    lines.append("\nand " + std::to_string(problems.size() - ConfigError::kTold) + " more");
  return lines;
}

}  // namespace

ConfigError::ConfigError(const Origin& origin, const std::string& what)
    : ConfigError(std::vector<Problem>{{origin, to_string(origin) + ": " + what}}) {}

ConfigError::ConfigError(std::vector<Problem> problems)
    : std::runtime_error(lines_of(in_order(problems))), problems_(in_order(std::move(problems))) {}

void Problems::add(const ConfigError& error) {
  problems_.insert(problems_.end(), error.problems().begin(), error.problems().end());
}

void Problems::raise() const {
  if (!empty()) throw ConfigError(problems_);
}

}  // namespace millrace::configs
