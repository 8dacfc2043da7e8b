#include "millrace/configs/references.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/limits.h"
#include "millrace/configs/path.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

using Path = std::vector<std::string>;

// A value that may hold references, and where it stands.
struct Place {
  Value* value;
  Path path;

  ConfigError error(const std::string& what) const {
    const auto where = join_path(path);
    return {value->origin, (where.empty() ? "" : printable(where) + ": ") + what};
  }
  Place element(size_t i) const { return {&value->elements[i], extended(std::to_string(i))}; }
  Place member(size_t i) const { return {&value->members[i].value, extended(value->members[i].key)}; }

 private:
  Path extended(const std::string& part) const {
    Path longer = path;
    longer.push_back(part);
    return longer;
  }
};

// Goes past everything else: what references stand for is more than any configuration.
struct BeyondLimits {
  explicit BeyondLimits(ConfigError what) : error(std::move(what)) {}

  ConfigError error;
};

// The paths of all values, of so many as somebody may have written by hand.
void list_paths(const Value& value, const std::string& path, std::vector<std::string>& paths) {
  constexpr size_t kMost = 1000;
  if (paths.size() > kMost) return;
  if (!path.empty()) paths.push_back(path);
  for (const auto& member : value.members)
    list_paths(member.value, path.empty() ? member.key : path + "." + member.key, paths);
}

class Resolver {
 public:
  explicit Resolver(Value& root) : root_(root) {}

  void resolve_all() {
    try {
      resolve({&root_, {}});
    } catch (const BeyondLimits& beyond) {
      problems_.add(beyond.error);
    }
    problems_.raise();
  }

 private:
  // Replaces what ${} stands for in a value and below it. A value for which that fails is told of once: it is marked as
  // reported, and so is whatever refers to it.
  void resolve(const Place& place) {
    if (open_.size() > 2 * Limits::kDepth)
      throw BeyondLimits(
          place.error("more than " + std::to_string(Limits::kDepth) + " references lead one to the other"));
    open_.push_back(&place);
    Value& value = *place.value;
    for (size_t i = 0; i < value.elements.size(); ++i) resolve(place.element(i));
    for (size_t i = 0; i < value.members.size(); ++i) resolve(place.member(i));
    const bool refers = value.kind == Value::Kind::kScalar && value.text.find("${") != std::string::npos;
    if (refers && !value.resolved && !value.reported) {
      try {
        replace(place);
      } catch (const ConfigError& error) {
        problems_.add(error);
        value.reported = true;
      }
    }
    open_.pop_back();
  }

  void replace(const Place& place) {
    Value& value = *place.value;
    const std::string text = value.text;
    std::string result;
    std::string shown;
    bool has_secret = false;
    size_t position = 0;
    for (size_t start = text.find("${"); start != std::string::npos; start = text.find("${", position)) {
      const auto end = text.find('}', start);
      if (end == std::string::npos)
        throw place.error(in_quotes(text) + ": the } of ${ is missing; write it behind the name");
      const auto name = text.substr(start + 2, end - start - 2);
      const auto before = text.substr(position, start - position);
      position = end + 1;
      if (++references_ > Limits::kReferences)
        throw BeyondLimits(place.error("more than " + std::to_string(Limits::kReferences) + " references"));
      const Value target = name.starts_with("env:") ? environment(name.substr(4), place) : reference(name, place);
      if (target.reported) {
        value.reported = true;
        return;
      }
      count(target, place.path.size(), place);
      if (start == 0 && position == text.size()) {
        const Origin origin = value.origin;
        value = target;
        value.resolved = true;
        set_origin(value, origin);
        return;
      }
      if (target.kind != Value::Kind::kScalar)
        throw place.error("${" + printable(name) + "} is " + describe(target) + " and cannot be a part of the text " +
                          in_quotes(text) + "; write one of its parts, ${" + printable(name) +
                          (target.kind == Value::Kind::kList ? ".0}" : ".KEY}"));
      result += before + target.text;
      shown += before + (target.shown.empty() ? target.text : target.shown);
      has_secret = has_secret || !target.shown.empty();
    }
    value.text = result + text.substr(position);
    if (has_secret) value.shown = shown + text.substr(position);
    value.resolved = true;
  }

  // Counts what is put in the place of a reference: each may double what the one before it stands for.
  void count(const Value& target, size_t depth, const Place& place) {
    if (depth > Limits::kDepth)
      throw BeyondLimits(place.error("nested deeper than " + std::to_string(Limits::kDepth) + " levels by references"));
    bytes_ += target.text.size() + target.shown.size();
    if (bytes_ > Limits::kBytes)
      throw BeyondLimits(place.error("references stand for more than " + std::to_string(Limits::kBytes) +
                                     " bytes of text (do they multiply?)"));
    if (++values_ > Limits::kValues)
      throw BeyondLimits(place.error("references stand for more than " + std::to_string(Limits::kValues) +
                                     " values (do they multiply?)"));
    for (const auto& element : target.elements) count(element, depth + 1, place);
    for (const auto& member : target.members) {
      bytes_ += member.key.size();
      count(member.value, depth + 1, place);
    }
  }

  // The value at a path, itself without references.
  const Value& reference(const std::string& name, const Place& from) {
    Place at{&root_, {}};
    for (const auto& part : split_path(name)) {
      const bool is_list = at.value->kind == Value::Kind::kList;
      at.value = is_list ? element_at(*at.value, part) : at.value->find(part);
      if (at.value == nullptr) throw no_such_value(name, from);
      at.path.push_back(part);
    }
    require_end(at, name, from);
    resolve(at);
    return *at.value;
  }

  ConfigError no_such_value(const std::string& name, const Place& from) const {
    constexpr std::string_view kOmegaConf = "oc.env:";
    const std::string what = "${" + printable(name) + "}: the configuration has no such value";
    if (name.starts_with(kOmegaConf))
      return from.error(what + "; of the environment write ${env:" + printable(name.substr(kOmegaConf.size())) + "}");
    std::vector<std::string> paths;
    list_paths(root_, "", paths);
    const std::string meant = did_you_mean(name, paths);
    return from.error(
        what + (meant.empty() ? "; write the path of one from the top of the file, such as ${loader.seed}" : meant));
  }

  // Everything on the way to a value is being resolved: to meet it again is to go round in a circle.
  void require_end(const Place& target, const std::string& name, const Place& from) const {
    const auto met =
        std::find_if(open_.begin(), open_.end(), [&](const Place* open) { return open->value == target.value; });
    if (met == open_.end()) return;
    if (target.value->kind != Value::Kind::kScalar) throw from.error("${" + printable(name) + "} contains itself");
    std::string circle;
    for (auto at = met; at != open_.end(); ++at)
      if ((*at)->value->kind == Value::Kind::kScalar)
        circle += (circle.empty() ? "" : " -> ") + printable((*at)->value->text);
    throw target.error(printable(target.value->text) + " leads back to itself: " + circle +
                       "; write a value in place of one of them");
  }

  static Value environment(const std::string& text, const Place& place) {
    const auto comma = text.find(',');
    const auto name = text.substr(0, comma);
    if (name.empty())
      throw place.error("${env:" + printable(text) + "} names no environment variable; write ${env:NAME}, or " +
                        "${env:NAME,DEFAULT}");
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
      throw place.error("the environment variable " + printable(name) +
                        " is not set; set it, or write ${env:" + printable(name) + ",DEFAULT}");
    }
    return value;
  }

  Value& root_;
  Problems problems_;
  std::vector<const Place*> open_;
  int references_ = 0;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

void resolve_references(Value& root) { Resolver(root).resolve_all(); }

}  // namespace millrace::configs
