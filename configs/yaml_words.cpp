#include "millrace/configs/yaml_words.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string_view>

#include "millrace/configs/tables/reference.h"
#include "millrace/loader/images/transforms/descriptions.h"

namespace millrace::configs {
namespace {

bool is_of_name(char c) { return std::isalnum(static_cast<uint8_t>(c)) != 0 || c == '_' || c == '/' || c == '.'; }

// The end of an argument list that is one number or a list of numbers, behind its ')'; `begin` where it is another.
size_t end_of_numbers(std::string_view message, size_t begin) {
  if (begin >= message.size() || message[begin] != '(') return begin;
  const size_t end = message.find(')', begin);
  if (end == std::string_view::npos || end == begin + 1) return begin;
  const auto inside = message.substr(begin + 1, end - begin - 1);
  const bool are_numbers = inside.find_first_not_of("0123456789., -{}") == std::string_view::npos;
  return are_numbers ? end + 1 : begin;
}

std::string with_brackets(std::string_view text) {
  std::string changed(text);
  std::replace(changed.begin(), changed.end(), '{', '[');
  std::replace(changed.begin(), changed.end(), '}', ']');
  return changed;
}

// The list of C++ that a text begins with, {0, 1}, up to its brace; "" of another text and of a map, {size: 64}.
std::string_view list_of_cpp(std::string_view text) {
  if (!text.starts_with('{')) return {};
  int depth = 0;
  for (size_t end = 0; end < text.size(); ++end) {
    if (text[end] == ':' || text[end] == '"') return {};
    if (text[end] == '{') ++depth;
    if (text[end] == '}') --depth;
    if (depth == 0) return text.substr(0, end + 1);
  }
  return {};
}

const transforms::Description* described(std::string_view name) {
  static const auto all = transforms::describe_all();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// Whether a name is one that no sentence has: with a capital inside, as ImageFolder.
bool is_of_cpp(std::string_view name) {
  for (size_t i = 1; i < name.size(); ++i)
    if (std::islower(static_cast<uint8_t>(name[i - 1])) != 0 && std::isupper(static_cast<uint8_t>(name[i])) != 0)
      return true;
  return false;
}

// What datasets, samplers and the like are called in YAML, by their names in C++; of several the first.
const std::map<std::string, std::string, std::less<>>& names_by_cpp() {
  static const auto names = [] {
    std::map<std::string, std::string, std::less<>> all{{"DataLoader", "loader"}};
    for (const auto& section : tables::describe_sections())
      for (const auto& entry : section.entries)
        if (is_of_cpp(entry.makes)) all.emplace(entry.makes, entry.name);
    return all;
  }();
  return names;
}

// The length of a type of errors with what parts it from its message, "std::runtime_error: "; 0 of anything else.
size_t length_of_error_type(std::string_view text) {
  const auto is_of_type = [](char c) { return std::isalnum(static_cast<uint8_t>(c)) != 0 || c == '_' || c == ':'; };
  const auto end = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_of_type) - text.begin());
  const std::string_view type = text.substr(0, end);
  const bool is_one = type.ends_with(':') && !type.ends_with("::") && type.find("::") != type.npos;
  return is_one && text.substr(end).starts_with(' ') ? end + 1 : 0;
}

}  // namespace

std::string in_yaml_words(const std::string& message) {
  std::string changed;
  for (size_t at = 0; at < message.size();) {
    const std::string_view rest = std::string_view(message).substr(at);
    const bool is_within_word = at > 0 && is_of_name(message[at - 1]);
    if (rest.front() == '\'' && !is_within_word) {  // A quoted text.
      const size_t end = std::min(rest.find('\'', 1), rest.size() - 1) + 1;
      changed += rest.substr(0, end);
      at += end;
      continue;
    }
    if (const size_t type = is_within_word ? 0 : length_of_error_type(rest); type > 0) {
      at += type;
      continue;
    }
    const size_t length = static_cast<size_t>(std::find_if_not(rest.begin(), rest.end(), is_of_name) - rest.begin());
    const auto* const transform = described(rest.substr(0, length));
    if (transform != nullptr) {
      const size_t begin = at + length;
      at = end_of_numbers(message, begin);
      changed += transform->yaml_name;
      if (at > begin && !transform->parameters.empty())
        changed += ": {" + transform->parameters.front().key + ": " +
                   with_brackets(std::string_view(message).substr(begin + 1, at - begin - 2)) + "}";
      continue;
    }
    if (const auto list = list_of_cpp(rest); !list.empty()) {
      changed += with_brackets(list);
      at += list.size();
      continue;
    }
    const auto name = names_by_cpp().find(rest.substr(0, length));
    changed += name != names_by_cpp().end() ? name->second : rest.substr(0, std::max<size_t>(length, 1));
    at += std::max<size_t>(length, 1);
  }
  return changed;
}

}  // namespace millrace::configs
