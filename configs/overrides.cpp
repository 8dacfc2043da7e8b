#include "millrace/configs/overrides.h"

#include <string_view>

#include "millrace/configs/errors.h"
#include "millrace/configs/limits.h"
#include "millrace/configs/path.h"
#include "millrace/configs/yaml.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

Value& element(Value& list, const std::string& part, const std::string& path, const Origin& origin) {
  if (Value* found = element_at(list, part)) return *found;
  const auto count = list.elements.size();
  throw ConfigError(to_string(origin) + ": " + printable(path) + " is a list of " + std::to_string(count) +
                    (count == 1 ? " element" : " elements") + ", counted from 0; it has no element " + in_quotes(part));
}

Value& member(Value& map, const std::string& part, const Origin& origin) {
  map.kind = Value::Kind::kMap;  // An empty section becomes a map.
  if (Value* found = map.find(part)) return *found;
  map.members.push_back({part, origin, Value()});
  return map.members.back().value;
}

}  // namespace

void apply_override(Value& root, const std::string& argument) {
  const Origin origin{"command line " + in_quotes(argument)};
  const auto equals = argument.find('=');
  const auto fail = [&](const std::string& what) { throw ConfigError(to_string(origin) + ": " + what); };
  if (equals == std::string::npos || equals == 0) fail("expected KEY=VALUE, such as loader.batch_size=128");

  const auto parts = split_path(std::string_view(argument).substr(0, equals));
  if (parts.size() > Limits::kDepth) fail("the key has more than " + std::to_string(Limits::kDepth) + " parts");

  Value* at = &root;
  std::string path;
  for (const auto& part : parts) {
    if (part.empty()) fail("a part of the key is empty");
    if (at->kind == Value::Kind::kScalar)
      fail(printable(path) + " is " + describe(*at) + " and has no part " + in_quotes(part));
    at = at->kind == Value::Kind::kList ? &element(*at, part, path, origin) : &member(*at, part, origin);
    path += (path.empty() ? "" : ".") + part;
  }
  try {
    *at = parse(argument.substr(equals + 1), origin.source);
  } catch (const ConfigError&) {
    fail("the value is not valid YAML; quote it if it is text");
  }
  set_origin(*at, origin);
}

}  // namespace millrace::configs
