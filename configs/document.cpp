#include "millrace/configs/document.h"

#include <exception>
#include <utility>

#include "millrace/configs/overrides.h"
#include "millrace/configs/references.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::configs {
namespace {

std::string read_file(const std::string& file) {
  try {
    return millrace::detail::read_regular(file, Limits::kBytes);
  } catch (const std::exception& error) {
    throw ConfigError(printable(file) + ": cannot read: " + error.what());
  }
}

}  // namespace

Node load(const std::string& file, const std::vector<std::string>& overrides) {
  const std::string path = millrace::detail::user_path(file);
  Value root = parse(read_file(path), path);
  if (root.kind == Value::Kind::kNull)
    throw ConfigError(printable(path) + ": is empty, but a map of settings is expected");
  if (root.kind != Value::Kind::kMap)
    throw ConfigError(to_string(root.origin) + ": expected a map of settings, found " + describe(root));
  for (const auto& argument : overrides) apply_override(root, argument);
  resolve_references(root);
  return Node(std::move(root));
}

}  // namespace millrace::configs
