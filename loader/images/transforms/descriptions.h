#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::transforms {

/// What is known of a transform and its parameters, in words.
struct Description {
  struct Parameter {
    std::string key;
    std::string default_value;  ///< Empty where there is none.
    std::string expected;       ///< What a configuration may say: "a number, from 0 to 1", "one of edge, reflect".
    bool is_required = false;   ///< Whether a configuration must give it.
  };
  std::string name;       ///< The name in C++: "RandomSolarize".
  std::string yaml_name;  ///< The name in YAML: "random_solarize".
  std::string about;
  std::vector<Parameter> parameters;
};

/// The name in YAML of a transform: "random_solarize" for "RandomSolarize".
std::string yaml_name(std::string_view name);

/// A line of the table in docs/transforms.md.
std::string table_row(const Description& description);

/// Describes all transforms that have a name in YAML (table.h), in the order of docs/transforms.md.
std::vector<Description> describe_all();

}  // namespace millrace::transforms
