#include "millrace/loader/images/transforms/descriptions.h"

#include <cctype>

namespace millrace::transforms {

std::string yaml_name(std::string_view name) {
  std::string words;
  for (const char letter : name) {
    const auto code = static_cast<unsigned char>(letter);
    if (std::isupper(code) && !words.empty()) words += '_';
    words += static_cast<char>(std::tolower(code));
  }
  return words;
}

std::string table_row(const Description& description) {
  std::string parameters;
  for (const auto& parameter : description.parameters) {
    parameters.append(parameters.empty() ? "" : ", ").append(parameter.key);
    if (!parameter.default_value.empty()) parameters.append(" ").append(parameter.default_value);
  }
  return "| `" + description.name + "` | " + parameters + " | `" + description.yaml_name + "` | " + description.about +
         " |";
}

}  // namespace millrace::transforms
