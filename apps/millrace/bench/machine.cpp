#include "millrace/apps/millrace/bench/machine.h"

#include <sys/utsname.h>
#include <torch/headeronly/version.h>

#include <fstream>

#include "millrace/configs/value.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/version.h"

namespace millrace::apps {
namespace {

std::string model_of_processor() {
  std::ifstream file("/proc/cpuinfo");
  constexpr std::string_view kModel = "model name";
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(kModel) && line.find(": ") != line.npos) return line.substr(line.find(": ") + 2);
  return "unknown";
}

void collect(const configs::Value& value, const std::string& path, Facts& facts) {
  const std::string below = path.empty() ? "" : path + ".";
  switch (value.kind) {
    case configs::Value::Kind::kNull:
      facts[path] = "";
      return;
    case configs::Value::Kind::kScalar:
      facts[path] = configs::shown_text(value);
      return;
    case configs::Value::Kind::kList:
      for (size_t i = 0; i < value.elements.size(); ++i) collect(value.elements[i], below + std::to_string(i), facts);
      return;
    case configs::Value::Kind::kMap:
      for (const auto& member : value.members) collect(member.value, below + member.key, facts);
      return;
  }
}

}  // namespace

Facts facts_of_machine() {
  utsname system{};
  uname(&system);
  const Processors all = processors();
  return {{"processor", model_of_processor()},      {"processors", std::to_string(all.online)},
          {"usable", std::to_string(all.usable())}, {"kernel", system.release},
          {"millrace", MILLRACE_VERSION},           {"libtorch", TORCH_VERSION}};
}

Facts facts_of_settings(const configs::Node& run) {
  Facts facts;
  collect(run.value(), "", facts);
  return facts;
}

}  // namespace millrace::apps
