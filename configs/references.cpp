#include "millrace/configs/references.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/limits.h"
#include "millrace/configs/path.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

class Resolver {
 public:
  explicit Resolver(Value& root) : root_(root) {}

  // `depth` is how many lists and maps the value lies in.
  void resolve(Value& value, size_t depth = 0) {
    // Everything on the way to this value is being resolved: to meet it again is to go round in a circle.
    if (std::find(open_.begin(), open_.end(), &value) != open_.end())
      fail(value.origin, (value.text.empty() ? "a reference" : printable(value.text)) + " leads back to itself");
    if (open_.size() > 2 * Limits::kDepth)
      fail(value.origin, "more than " + std::to_string(Limits::kDepth) + " references lead one to the other");
    open_.push_back(&value);
    for (auto& element : value.elements) resolve(element, depth + 1);
    for (auto& member : value.members) resolve(member.value, depth + 1);
    if (value.kind == Value::Kind::kScalar && !value.resolved && value.text.find("${") != std::string::npos)
      replace(value, depth);
    open_.pop_back();
  }

 private:
  [[noreturn]] static void fail(const Origin& origin, const std::string& what) {
    throw ConfigError(to_string(origin) + ": " + what);
  }

  void replace(Value& value, size_t depth) {
    const Origin origin = value.origin;
    const std::string text = value.text;
    std::string result;
    std::string shown;
    bool has_secret = false;
    size_t position = 0;
    for (size_t start = text.find("${"); start != std::string::npos; start = text.find("${", position)) {
      const auto end = text.find('}', start);
      if (end == std::string::npos) fail(origin, in_quotes(text) + ": the } of ${ is missing");
      const auto name = text.substr(start + 2, end - start - 2);
      const auto before = text.substr(position, start - position);
      position = end + 1;
      if (++references_ > Limits::kReferences)
        fail(origin, "more than " + std::to_string(Limits::kReferences) + " references");
      const Value target = name.starts_with("env:") ? environment(name.substr(4), origin) : reference(name, origin);
      count(target, depth, origin);
      if (start == 0 && position == text.size()) {
        const bool quoted = value.quoted;
        value = target;
        value.quoted = value.quoted || quoted;
        value.resolved = true;
        set_origin(value, origin);
        return;
      }
      if (target.kind != Value::Kind::kScalar)
        fail(origin, "${" + printable(name) + "} is " + describe(target) + " and cannot be a part of the text " +
                         in_quotes(text));
      result += before + target.text;
      shown += before + (target.shown.empty() ? target.text : target.shown);
      has_secret = has_secret || !target.shown.empty();
    }
    value.text = result + text.substr(position);
    if (has_secret) value.shown = shown + text.substr(position);
    value.resolved = true;
  }

  // Counts what is put in the place of a reference: each may double what the one before it stands for.
  void count(const Value& target, size_t depth, const Origin& origin) {
    if (depth > Limits::kDepth)
      fail(origin, "nested deeper than " + std::to_string(Limits::kDepth) + " levels by references");
    bytes_ += target.text.size() + target.shown.size();
    if (bytes_ > Limits::kBytes)
      fail(origin,
           "references stand for more than " + std::to_string(Limits::kBytes) + " bytes of text (do they multiply?)");
    if (++values_ > Limits::kValues)
      fail(origin, "references stand for more than " + std::to_string(Limits::kValues) + " values (do they multiply?)");
    for (const auto& element : target.elements) count(element, depth + 1, origin);
    for (const auto& member : target.members) {
      bytes_ += member.key.size();
      count(member.value, depth + 1, origin);
    }
  }

  // The value at a path, itself without references.
  const Value& reference(const std::string& path, const Origin& origin) {
    Value* at = &root_;
    size_t depth = 0;
    for (const auto& part : split_path(path)) {
      at = at->kind == Value::Kind::kList ? element_at(*at, part) : at->find(part);
      if (at == nullptr) fail(origin, "${" + printable(path) + "}: the configuration has no such value");
      ++depth;
    }
    resolve(*at, depth);
    return *at;
  }

  static Value environment(const std::string& text, const Origin& origin) {
    const auto comma = text.find(',');
    const auto name = text.substr(0, comma);
    Value value;
    value.kind = Value::Kind::kScalar;
    value.resolved = true;
    // Nobody changes the environment while a program starts.  NOLINTNEXTLINE(concurrency-mt-unsafe)
    if (const char* set = ::secure_getenv(name.c_str())) {
      value.text = set;
      value.shown = "${env:" + name + "}";
    } else if (comma != std::string::npos) {
      value.text = text.substr(comma + 1);
    } else {
      fail(origin, "the environment variable " + printable(name) +
                       " is not set; set it, or write ${env:" + printable(name) + ",DEFAULT}");
    }
    return value;
  }

  Value& root_;
  std::vector<const Value*> open_;
  int references_ = 0;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

void resolve_references(Value& root) { Resolver(root).resolve(root); }

}  // namespace millrace::configs
