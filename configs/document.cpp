#include "millrace/configs/document.h"

#include <cstddef>
#include <utility>

#include "millrace/configs/includes.h"
#include "millrace/configs/overrides.h"
#include "millrace/configs/references.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

constexpr std::string_view kMandatory = "???";

void refuse_mandatory(Value& value, const std::string& path, Problems& problems) {
  const auto below = [&](const std::string& part) { return path.empty() ? part : path + "." + part; };
  for (size_t i = 0; i < value.elements.size(); ++i)
    refuse_mandatory(value.elements[i], below(std::to_string(i)), problems);
  for (auto& member : value.members) refuse_mandatory(member.value, below(member.key), problems);
  if (value.kind != Value::Kind::kScalar || value.text != kMandatory) return;
  const std::string key = printable(path);
  problems.add(ConfigError(value.origin, key + ": must be given; write " + key +
                                             "=VALUE behind the file's name, or the value in place of ???"));
  value.reported = true;
}

Node finished(Value root, const std::vector<std::string>& overrides, Problems& problems) {
  for (size_t i = 0; i < overrides.size(); ++i)
    problems.collect([&] { apply_override(root, overrides[i], static_cast<int>(i) + 1); });
  refuse_mandatory(root, "", problems);
  problems.collect([&] { resolve_references(root); });
  return Node(std::move(root));
}

}  // namespace

Node load(Value document, const std::vector<std::string>& overrides) {
  Problems problems;
  Node root = finished(std::move(document), overrides, problems);
  problems.raise();
  return root;
}

Node load(const std::string& file, const std::vector<std::string>& overrides, Problems& problems) {
  return finished(read_with_includes(file, problems), overrides, problems);
}

Node load(const std::string& file, const std::vector<std::string>& overrides) {
  Problems problems;
  Node root = load(file, overrides, problems);
  problems.raise();
  return root;
}

}  // namespace millrace::configs
