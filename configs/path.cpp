#include "millrace/configs/path.h"

#include <optional>

#include "millrace/sharing/os/whole_number.h"

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

std::string join_path(const std::vector<std::string>& parts) {
  std::string path;
  for (const auto& part : parts) path += (path.empty() ? "" : ".") + part;
  return path;
}

Value* element_at(Value& list, std::string_view part) {
  const std::optional<size_t> index = millrace::detail::whole_number<size_t>(part);
  return index && *index < list.elements.size() ? &list.elements[*index] : nullptr;
}

}  // namespace millrace::configs
