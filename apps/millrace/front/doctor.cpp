#include "millrace/apps/millrace/front/doctor.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "millrace/apps/millrace/front/commands/exit.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::apps {
namespace {

const char* text_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kLimited:
      return "limited";
    case Verdict::kNotAvailable:
      return "not available";
  }
  return "";
}

constexpr size_t kLongestCheck = 2000;

void print(const Check& check) {
  // Devices and libraries are called as they call themselves.
  const std::string text = printable(check.text + (check.cure.empty() ? "" : ". " + check.cure), kLongestCheck);
  std::printf("%-14s %-22s %s\n", text_of(check.verdict), printable(check.name).c_str(), text.c_str());
}

nlohmann::json to_json(const Check& check) {
  return {{"name", check.name},
          {"verdict", text_of(check.verdict)},
          {"text", check.text},
          {"cure", check.cure},
          {"needed", check.needed}};
}

}  // namespace

int report(const std::vector<Check>& checks, bool json) {
  const bool usable = std::none_of(checks.begin(), checks.end(), [](const Check& check) {
    return check.needed && check.verdict == Verdict::kNotAvailable;
  });
  if (json) {
    nlohmann::json report{{"usable", usable}, {"checks", nlohmann::json::array()}};
    for (const Check& check : checks) report["checks"].push_back(to_json(check));
    // What libraries and devices call themselves may be no UTF-8.
    std::puts(report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    for (const Check& check : checks) print(check);
  }
  return usable ? kDone : kWorkFailed;
}

}  // namespace millrace::apps
