#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/node.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/description.h"

namespace millrace::configs {

/// A type that a program adds to those of a table.
struct OwnType {
  tables::Description description;  ///< Its name, and what help prints; without keys where its reader alone knows them.

  /// Throws ConfigError with all that is wrong with a section of this type. Null: its reader looks at it, and for a
  /// dataset at the transforms beside it.
  std::function<void(const Node& section)> check = {};

  /// Whether messages name it among the types that may stand there.
  bool is_listed = true;
};

/// The types that a program adds to the tables, by section.
struct OwnTypes {
  std::vector<OwnType> datasets = {};
  std::vector<OwnType> transforms = {};  ///< Their sections are the transforms' parameters.
  std::vector<OwnType> models = {};

  /// Whether there are more that are not known here, those of shared libraries: unknown names are then left alone.
  bool has_unknown = false;
};

/// A type whose keys are those of T, filled in as the tables' are.
template <tables::Keyed T>
OwnType own_type() {
  return {tables::describe<T>(), [](const Node& node) {
            Section section(settings_of(node));
            section.find("type");
            read_keys<T>(section);
          }};
}

/// A type whose keys its reader alone knows.
OwnType own_type(const std::string& name);

/// The type of that name, or null.
const OwnType* find_type(const std::vector<OwnType>& types, std::string_view name);

/// The names of those that messages list.
std::vector<std::string> names_of(const std::vector<OwnType>& types);

/// tables::describe_sections() with these types in their sections.
std::vector<tables::SectionDescription> describe_sections(const OwnTypes& own);

}  // namespace millrace::configs
