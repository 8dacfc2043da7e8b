#include "millrace/configs/key_defaults.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/tables/reference.h"
#include "millrace/configs/yaml.h"

namespace millrace::configs {
namespace {

constexpr const char* kOrigin = "default";

// "none" is a word of some keys, and says of others that they have no value.
bool has_default(const tables::KeyDescription& key) {
  if (key.is_required || key.default_value.empty()) return false;
  return key.default_value != "none" || std::find(key.words.begin(), key.words.end(), "none") != key.words.end();
}

void add_missing(Value& map, const std::vector<tables::KeyDescription>& keys) {
  for (const tables::KeyDescription& key : keys) {
    if (!has_default(key) || map.find(key.name)) continue;
    for (Member& member : parse(key.name + ": " + key.default_value, kOrigin).members) {
      member.origin = {kOrigin};
      set_origin(member.value, member.origin);
      map.members.push_back(std::move(member));
    }
  }
}

// "sampler: random" as "sampler: {type: random}", which has room for keys.
void make_map(Value& section) {
  if (section.kind != Value::Kind::kScalar) return;
  Value map;
  map.kind = Value::Kind::kMap;
  map.origin = section.origin;
  map.members.push_back({"type", section.origin, section});
  section = std::move(map);
}

void complete_typed(Value& section, const tables::SectionDescription& description) {
  make_map(section);
  const Value* const type = section.find("type");
  if (!type) return;
  for (const tables::Description& entry : description.entries)
    if (entry.name == type->text) add_missing(section, entry.keys);
}

void complete_section(Value& map, const tables::SectionDescription& description) {
  Value* section = map.find(description.name);
  if (!tables::is_one_thing(description)) {
    if (section && description.name != "transforms") complete_typed(*section, description);
    return;
  }
  if (!section) {
    Value empty;
    empty.origin.source = kOrigin;
    map.members.push_back({description.name, empty.origin, empty});
    section = &map.members.back().value;
  }
  section->kind = Value::Kind::kMap;
  add_missing(*section, description.entries.front().keys);
}

}  // namespace

Value with_key_defaults(Value run, const std::vector<tables::SectionDescription>& sections) {
  const std::vector<std::string> of_split{"dataset", "sampler", "collate", "loader"};
  for (const tables::SectionDescription& description : sections) {
    if (description.name == "run")
      add_missing(run, description.entries.front().keys);
    else if (description.name != "test")
      complete_section(run, description);
    Value* const test = run.find("test");
    const bool is_of_split = std::find(of_split.begin(), of_split.end(), description.name) != of_split.end();
    if (test && is_of_split) complete_section(*test, description);
  }
  return run;
}

}  // namespace millrace::configs
