#include "millrace/configs/own_types.h"

#include <algorithm>

#include "millrace/configs/tables/reference.h"

namespace millrace::configs {

OwnType own_type(const std::string& name) {
  return {{name, "of this program", "Its keys are read by its own code.", {}}};
}

const OwnType* find_type(const std::vector<OwnType>& types, std::string_view name) {
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const OwnType& type) { return type.description.name == name; });
  return found == types.end() ? nullptr : &*found;
}

std::vector<std::string> names_of(const std::vector<OwnType>& types) {
  std::vector<std::string> names;
  for (const OwnType& type : types)
    if (type.is_listed) names.push_back(type.description.name);
  return names;
}

std::vector<tables::SectionDescription> describe_sections(const OwnTypes& own) {
  auto sections = tables::describe_sections();
  const auto add = [&](std::string_view name, const std::vector<OwnType>& types) {
    for (auto& section : sections)
      if (section.name == name)
        for (const OwnType& type : types) section.entries.push_back(type.description);
  };
  add("dataset", own.datasets);
  add("transforms", own.transforms);
  add("model", own.models);
  return sections;
}

}  // namespace millrace::configs
