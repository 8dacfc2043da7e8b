#include "millrace/configs/complaint.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "millrace/configs/value.h"
#include "millrace/configs/yaml_words.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

// The first word of a text where it may be a name, which a path that begins so is not; "" otherwise.
std::string_view first_name(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<uint8_t>(text.front())) != 0) return {};
  const auto is_of_name = [](char c) { return std::isalnum(static_cast<uint8_t>(c)) != 0 || c == '_'; };
  const auto end = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_of_name) - text.begin());
  constexpr std::string_view kBehindNames = " :=[,";
  return end < text.size() && kBehindNames.find(text[end]) != kBehindNames.npos ? text.substr(0, end)
                                                                                : std::string_view();
}

// "normalize: mean: 2 means for …" is about `mean` of `normalize`, "betas: expected …" is about `betas`.
struct Subject {
  std::string_view first;
  std::string_view second;  // Behind a colon, which the first has.
};

Subject subject_of(std::string_view text) {
  const std::string_view first = first_name(text);
  text.remove_prefix(first.size());
  return {first, !first.empty() && text.starts_with(": ") ? first_name(text.substr(2)) : std::string_view()};
}

std::optional<Node> find_parameter(const Node& section, const Subject& subject) {
  if (section.value().kind != Value::Kind::kMap) return std::nullopt;
  for (const std::string_view name : {subject.first, subject.second})
    if (auto found = name.empty() ? std::nullopt : section.find(name)) return found;
  return std::nullopt;
}

// The transform that is named first, or its parameter that is named second; also inside of other transforms.
std::optional<Node> find_in_steps(const Node& steps, const Subject& subject) {
  const Value& value = steps.value();
  if (value.kind == Value::Kind::kScalar && value.text == subject.first) return steps;
  if (value.kind == Value::Kind::kMap) {
    for (const Member& member : value.members) {
      const Node parameters = steps[member.key];
      if (member.key == subject.first) return find_parameter(parameters, subject).value_or(parameters);
      if (auto found = find_in_steps(parameters, subject)) return found;
    }
  }
  if (value.kind == Value::Kind::kList)
    for (const Node& step : steps.elements())
      if (auto found = find_in_steps(step, subject)) return found;
  return std::nullopt;
}

std::optional<Node> find_subject(const Node& section, const Subject& subject) {
  if (subject.first.empty()) return std::nullopt;
  if (section.value().kind == Value::Kind::kList) return find_in_steps(section, subject);
  return find_parameter(section, subject);
}

// A value that a text quotes, and where.
struct Quoted {
  size_t at = std::string::npos;
  std::optional<Node> value = {};
};

// The first of the values of a section that the text quotes, save that at the path `but`.
void find_quoted(const Node& section, const std::string& text, const std::string& but, Quoted& first) {
  const Value& value = section.value();
  for (const Member& member : value.members) find_quoted(section[member.key], text, but, first);
  if (value.kind == Value::Kind::kList)
    for (const Node& element : section.elements()) find_quoted(element, text, but, first);
  if (value.kind != Value::Kind::kScalar || value.text.empty() || section.path() == but) return;
  const size_t at = text.find(in_quotes(value.text));
  if (at < first.at) first = {at, section};
}

// A text without the names that it begins with, "normalize: mean: ", where the path of the value to blame ends so.
std::string without_names(const std::string& text, const Subject& subject, const Node& blamed) {
  const std::string path = blamed.path();
  const std::string name = path.substr(path.rfind('.') + 1) + ": ";
  for (const std::string& prefix : {name, std::string(subject.first) + ": " + name})
    if (text.starts_with(prefix)) return text.substr(prefix.size());
  return text;
}

}  // namespace

ConfigError complaint(const std::string& what, const std::vector<Node>& sections, const Node& otherwise) {
  const std::string words = in_yaml_words(what);
  const Subject subject = subject_of(words);
  std::optional<Node> blamed;
  for (const Node& section : sections)
    if (!blamed) blamed = find_subject(section, subject);
  std::string text = blamed ? without_names(words, subject, *blamed) : words;
  if (!blamed) {
    Quoted quoted;
    for (const Node& section : sections) find_quoted(section, text, otherwise.path(), quoted);
    blamed = quoted.value;
  }
  // Not only those of the value to blame: a path may stand in the text too.
  for (const Node& section : sections) text = section.without_environment(text);
  return blamed.value_or(otherwise).error(otherwise.without_environment(text));
}

}  // namespace millrace::configs
