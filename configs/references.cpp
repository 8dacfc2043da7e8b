#include "millrace/configs/references.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "millrace/configs/path.h"

namespace millrace::configs {
namespace {

class Resolver {
 public:
  explicit Resolver(Value& root) : root_(root) {}

  void resolve(Value& value) {
    // Everything on the way to this value is being resolved: to meet it again is to go round in a circle.
    if (std::find(open_.begin(), open_.end(), &value) != open_.end())
      throw ConfigError(to_string(value.origin) + ": " + (value.text.empty() ? "a reference" : value.text) +
                        " leads back to itself");
    open_.push_back(&value);
    for (auto& element : value.elements) resolve(element);
    for (auto& member : value.members) resolve(member.value);
    if (value.kind == Value::Kind::kScalar && value.text.find("${") != std::string::npos) replace(value);
    open_.pop_back();
  }

 private:
  void replace(Value& value) {
    const Origin origin = value.origin;
    const std::string text = value.text;
    std::string result;
    size_t position = 0;
    for (size_t start = text.find("${"); start != std::string::npos; start = text.find("${", position)) {
      const auto end = text.find('}', start);
      if (end == std::string::npos) throw ConfigError(to_string(origin) + ": '" + text + "': the } of ${ is missing");
      const auto name = text.substr(start + 2, end - start - 2);
      result += text.substr(position, start - position);
      position = end + 1;
      const Value target = name.starts_with("env:") ? environment(name.substr(4), origin) : reference(name, origin);
      if (start == 0 && position == text.size()) {
        const bool quoted = value.quoted;
        value = target;
        value.quoted = value.quoted || quoted;
        set_origin(value, origin);
        return;
      }
      if (target.kind != Value::Kind::kScalar)
        throw ConfigError(to_string(origin) + ": ${" + name + "} is " + describe(target) +
                          " and cannot be a part of the text '" + text + "'");
      result += target.text;
    }
    value.text = result + text.substr(position);
  }

  // A copy of the value at a path, itself without references.
  Value reference(const std::string& path, const Origin& origin) {
    Value* at = &root_;
    for (const auto& part : split_path(path)) {
      at = at->kind == Value::Kind::kList ? element_at(*at, part) : at->find(part);
      if (at == nullptr)
        throw ConfigError(to_string(origin) + ": ${" + path + "}: the configuration has no such value");
    }
    resolve(*at);
    return *at;
  }

  static Value environment(const std::string& text, const Origin& origin) {
    const auto comma = text.find(',');
    const auto name = text.substr(0, comma);
    Value value;
    value.kind = Value::Kind::kScalar;
    // Nobody changes the environment while a program starts.  NOLINTNEXTLINE(concurrency-mt-unsafe)
    if (const char* set = ::secure_getenv(name.c_str())) {
      value.text = set;
    } else if (comma != std::string::npos) {
      value.text = text.substr(comma + 1);
    } else {
      throw ConfigError(to_string(origin) + ": the environment variable " + name +
                        " is not set; set it, or write ${env:" + name + ",DEFAULT}");
    }
    return value;
  }

  Value& root_;
  std::vector<const Value*> open_;
};

}  // namespace

void resolve_references(Value& root) { Resolver(root).resolve(root); }

}  // namespace millrace::configs
