#include "millrace/configs/includes.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/configs/limits.h"
#include "millrace/configs/shipped.h"
#include "millrace/configs/yaml.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::configs {
namespace {

constexpr std::string_view kInclude = "include";

bool has_another_type(const Value& a, const Value& b) {
  const Value* const one = a.find("type");
  const Value* const other = b.find("type");
  return one != nullptr && other != nullptr && one->text != other->text;
}

// Puts `over` on top of `under`.
void merge(Value& under, Value over) {
  const bool are_maps = under.kind == Value::Kind::kMap && over.kind == Value::Kind::kMap;
  if (!are_maps || has_another_type(under, over)) {
    under = std::move(over);
    return;
  }
  under.origin = over.origin;
  for (auto& member : over.members) {
    if (Value* const found = under.find(member.key))
      merge(*found, std::move(member.value));
    else
      under.members.push_back(std::move(member));
  }
}

class Reader {
 public:
  explicit Reader(Problems& problems) : problems_(problems) {}

  // `from` is where the file is named, if it is in another.
  Value read(const std::string& file, const std::optional<Origin>& from) {
    Value settings = parse(text_of(file, from), file, problems_);
    if (settings.kind == Value::Kind::kNull)
      throw ConfigError({file, 1, 1}, "expected a map of settings, found nothing; write them, or {} for none");
    if (settings.kind != Value::Kind::kMap)
      throw ConfigError(settings.origin,
                        "expected a map of settings, found " + describe(settings) +
                            (settings.kind == Value::Kind::kList ? "; write its keys without - or [ ]" : ""));
    const auto named = std::find_if(settings.members.begin(), settings.members.end(),
                                    [](const Member& member) { return member.key == kInclude; });
    if (named == settings.members.end()) return settings;
    const Value include = std::move(named->value);
    settings.members.erase(named);

    open_.push_back(std::filesystem::path(file).lexically_normal());
    Value merged;
    merged.kind = Value::Kind::kMap;
    for (const Value& one : files_of(include)) merge(merged, read_included(one, file));
    open_.pop_back();
    merge(merged, std::move(settings));
    return merged;
  }

 private:
  static std::vector<Value> files_of(const Value& include) {
    std::vector<Value> files = include.kind == Value::Kind::kList ? include.elements : std::vector{include};
    for (const Value& file : files)
      if (file.kind != Value::Kind::kScalar)
        throw ConfigError(file.origin, "include: expected a file or a list of files, found " + describe(file));
    return files;
  }

  Value read_included(const Value& name, const std::string& from) {
    const std::string directory = std::filesystem::path(from).parent_path();
    const std::string file = std::filesystem::path(find_config(name.text, name.origin, directory)).lexically_normal();
    const auto met = std::find(open_.begin(), open_.end(), file);
    if (met != open_.end()) {
      std::string circle;
      for (auto at = met; at != open_.end(); ++at) circle += printable(*at) + " -> ";
      throw ConfigError(name.origin, "include: the files include each other in a circle: " + circle + printable(file) +
                                         "; remove one of these includes");
    }
    if (++files_ > Limits::kFiles)
      throw ConfigError(name.origin, "include: more than " + std::to_string(Limits::kFiles) + " files");
    return read(file, name.origin);
  }

  static std::string text_of(const std::string& file, const std::optional<Origin>& from) {
    try {
      return millrace::detail::read_regular(file, Limits::kBytes);
    } catch (const std::exception& error) {
      const std::string what = std::string("cannot read: ") + error.what();
      if (!from) throw ConfigError({file}, what);
      const bool is_there = std::filesystem::exists(std::filesystem::symlink_status(file));
      throw ConfigError(*from, "include: " + printable(file) + ": " + what +
                                   (is_there ? "" : "; write its path from the folder of this file"));
    }
  }

  Problems& problems_;
  std::vector<std::string> open_;  // Files that are being read, each of which includes the next.
  int files_ = 0;
};

}  // namespace

Value read_with_includes(const std::string& file, Problems& problems) {
  const std::string path = millrace::detail::user_path(file);
  return Reader(problems).read(path, std::nullopt);
}

}  // namespace millrace::configs
