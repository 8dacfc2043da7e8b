#include "millrace/configs/path.h"

#include <charconv>

namespace millrace::configs {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    parts.emplace_back(path.substr(0, dot));
    path.remove_prefix(dot + 1);
  }
  parts.emplace_back(path);
  return parts;
}

Value* element_at(Value& list, std::string_view part) {
  size_t index = 0;
  const char* const last = part.data() + part.size();
  const auto [end, error] = std::from_chars(part.data(), last, index);
  if (error != std::errc() || end != last || index >= list.elements.size()) return nullptr;
  return &list.elements[index];
}

}  // namespace millrace::configs
