#include "millrace/apps/millrace/front/commands/number_checks.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <string>

#include "millrace/sharing/os/printable.h"

namespace millrace::apps::commands {
namespace {

template <class IsRight>
CLI::Validator number(IsRight is_right, const std::string& expected) {
  return {[is_right, expected](std::string& text) {
            double value = 0;
            const bool is_number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
            return is_number && is_right(value) ? "" : "expected a number " + expected + ", found " + in_quotes(text);
          },
          ""};
}

}  // namespace

CLI::Validator above_zero() {
  return number([](double value) { return value > 0; }, "above 0");
}

CLI::Validator not_negative() {
  return number([](double value) { return value >= 0; }, "that is not negative");
}

CLI::Validator count(int most) {
  return number([most](double value) { return value >= 1 && value <= most && value == std::floor(value); },
                "that is whole, from 1 to " + std::to_string(most));
}

}  // namespace millrace::apps::commands
