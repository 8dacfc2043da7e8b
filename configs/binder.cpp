#include "millrace/configs/binder.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <system_error>
#include <type_traits>

#include "millrace/configs/tables/loader_keys.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/configs/tables/synonyms.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace::configs {
namespace {

ConfigError wrong_type(const Node& node, const std::string& expected, const std::string& cure = "") {
  return node.error("expected " + expected + ", found " + describe(node.value()) + cure);
}

// The number of a plain or quoted text, of a '+' before it too.
template <class T>
std::from_chars_result parse_number(std::string_view text, T& result) {
  const bool has_plus = text.starts_with('+') && !text.starts_with("+-");
  text.remove_prefix(has_plus ? 1 : 0);
  return std::from_chars(text.data(), text.data() + text.size(), result);
}

template <class T>
bool is_number(std::string_view text) {
  T result{};
  const auto [end, error] = parse_number(text, result);
  return error == std::errc() && end == text.data() + text.size();
}

// Whether a text is infinity or NaN, as YAML writes them (.inf) or as C++ does, whose from_chars reads them.
bool is_no_finite_number(const Value& value) {
  std::string text = value.text;
  text.erase(0, text.find_first_not_of("+-."));
  double result = 0;
  const auto [end, error] = parse_number(text, result);
  const bool is_read = error == std::errc() && end == text.data() + text.size();
  return value.kind == Value::Kind::kScalar && !value.quoted && is_read && !std::isfinite(result);
}

// The integer that a text means which is none in YAML 1.2: 1_000, 0x40, 0o100, 64.0, 1e9.
std::optional<int64_t> integer_meant(std::string text) {
  std::erase(text, '_');
  if (const auto plain = millrace::detail::whole_number<int64_t>(text)) return plain;
  for (const auto& [prefix, base] : {std::pair("0x", 16), {"0o", 8}, {"0b", 2}})
    if (text.starts_with(prefix)) return millrace::detail::whole_number<int64_t>(text.substr(2), base);
  constexpr double kExact = 1e15;
  double number = 0;
  if (const auto [end, error] = parse_number(text, number); error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  if (std::abs(number) > kExact || number != std::floor(number)) return std::nullopt;
  return static_cast<int64_t>(number);
}

// "; write 64", for a text or a list in the place of a number; "" where it is not plain what was meant.
template <class T>
std::string cure_of_number(const Value& value) {
  if (value.kind == Value::Kind::kList) {
    const Value* const only = value.elements.size() == 1 ? &value.elements.front() : nullptr;
    const bool is_meant = only && only->kind == Value::Kind::kScalar && only->shown.empty() && is_number<T>(only->text);
    return "; write " + (is_meant ? only->text : "one number, without [ ] or -");
  }
  if (value.kind != Value::Kind::kScalar || !value.shown.empty()) return "";
  if (value.quoted) return is_number<T>(value.text) ? "; write it without the quotes" : "";
  if constexpr (std::is_integral_v<T>) {
    const auto meant = integer_meant(value.text);
    return meant && std::in_range<T>(*meant) ? "; write " + std::to_string(*meant) : "";
  } else {
    std::string text = value.text;
    std::replace(text.begin(), text.end(), ',', '.');
    std::erase(text, '_');
    return is_number<T>(text) && text != value.text ? "; write " + text : "";
  }
}

template <class T>
T number(const Node& node, const std::string& expected) {
  const Value& value = node.value();
  const auto fail = [&](const std::string& limit = "") {
    return wrong_type(node, expected + limit, limit.empty() ? cure_of_number<T>(value) : "");
  };
  if (value.kind != Value::Kind::kScalar || value.quoted) throw fail();
  T result{};
  const auto [end, error] = parse_number(value.text, result);
  const char* const last = value.text.data() + value.text.size();
  if (error == std::errc::result_out_of_range && end == last) throw fail(" that fits 64 bits");
  if (error != std::errc() || end != last) throw fail();
  return result;
}

template <class T>
std::vector<T> list(const Node& node, const std::string& of_what) {
  const Value& value = node.value();
  if (value.kind != Value::Kind::kList)
    throw wrong_type(node, "a list of " + of_what,
                     value.kind == Value::Kind::kScalar ? "; write [" + shown_text(value) + "]" : "");
  std::vector<T> values;
  for (const auto& element : node.elements()) values.push_back(read<T>(element));
  return values;
}

template <class T>
std::string plainly(T value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

template <class T>
T require_range(const Node& node, T value, T low, T high) {
  if (value >= low && value <= high) return value;
  const bool bounded = high < std::numeric_limits<T>::max();
  throw node.error("must be " +
                   (bounded ? "from " + plainly(low) + " to " + plainly(high) : "at least " + plainly(low)) +
                   ", found " + shown_text(node.value()));
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// For a text or a list in the place of a map.
std::string cure_of_map(const Value& value) {
  if (value.kind == Value::Kind::kList) return "; write its keys without - or [ ]";
  const size_t colon = value.text.find(':');
  if (colon == std::string::npos || value.quoted || !value.shown.empty()) return "";
  return "; write a space behind the colon, " + printable(value.text.substr(0, colon)) + ": " +
         printable(value.text.substr(colon + 1));
}

// The place of a key of the innermost dataset that a dataset is made of; "" where it has no such key.
std::string place_inside(const Node& section, const std::string& key) {
  const Value* type = section.value().find("type");
  Node inner = section;
  while (inner.value().find("dataset") != nullptr) inner = inner["dataset"];
  if (type == nullptr || inner.path() == section.path()) return "";
  type = inner.value().find("type");
  return type != nullptr && tables::has_dataset_key(type->text, key) ? inner.path() + "." + key : "";
}

// What was meant by a key that a section does not have, behind "unknown key".
std::string cure_of_key(const std::string& key, const Node& section, const std::vector<std::string>& known) {
  const std::string path = section.path();
  if (const size_t colon = key.find(':'); colon != std::string::npos)
    return "; write a space behind the colon, " + printable(key.substr(0, colon)) + ": " +
           printable(key.substr(colon + 1));
  if (const auto other = other_name_of(key, known)) return ", did you mean " + *other + "?";
  if (const auto place = place_inside(section, key); !place.empty()) return " here; its place is " + place;
  if (const auto place = tables::place_of(key, path); !place.empty()) return " here; its place is " + place;
  for (const tables::LiveOption& option : tables::kLiveOptions)
    if (option.name == key) return "; in C++ only: " + std::string(option.why);
  if (const auto cure = did_you_mean(key, known); !cure.empty()) return cure;
  if (const auto place = place_of_misplaced(key); !place.empty() && !place.starts_with(path + "."))
    return " here; its place is " + place;
  return known.empty() ? "; this section has no settings" : "; known here: " + joined(known);
}

}  // namespace

template <>
bool read<bool>(const Node& node) {
  const Value& value = node.value();
  const bool is_plain = value.kind == Value::Kind::kScalar && !value.quoted;
  if (is_plain && (value.text == "true" || value.text == "True")) return true;
  if (is_plain && (value.text == "false" || value.text == "False")) return false;
  const auto meant = value.kind == Value::Kind::kScalar ? other_name_of(value.text, {"true", "false"}) : std::nullopt;
  throw wrong_type(node, "true or false", meant ? "; write " + *meant : "");
}

template <>
int64_t read<int64_t>(const Node& node) {
  return number<int64_t>(node, "an integer");
}

template <>
uint64_t read<uint64_t>(const Node& node) {
  return number<uint64_t>(node, "an integer from 0 on");
}

template <>
double read<double>(const Node& node) {
  if (is_no_finite_number(node.value())) throw wrong_type(node, "a finite number");
  return number<double>(node, "a number");
}

template <>
std::string read<std::string>(const Node& node) {
  if (node.value().kind != Value::Kind::kScalar) throw wrong_type(node, "text");
  if (node.value().text.find('\0') != std::string::npos) throw node.error("a text with a NUL in it; write it without");
  return node.value().text;
}

template <>
std::vector<int64_t> read<std::vector<int64_t>>(const Node& node) {
  return list<int64_t>(node, "integers");
}

template <>
std::vector<std::vector<int64_t>> read<std::vector<std::vector<int64_t>>>(const Node& node) {
  return list<std::vector<int64_t>>(node, "lists of integers");
}

template <>
std::vector<double> read<std::vector<double>>(const Node& node) {
  return list<double>(node, "numbers");
}

template <>
std::vector<std::string> read<std::vector<std::string>>(const Node& node) {
  return list<std::string>(node, "texts");
}

Section::Section(Node node) : node_(std::move(node)) {
  const Value& value = node_.value();
  if (value.kind == Value::Kind::kMap || value.kind == Value::Kind::kNull) return;
  throw node_.error("expected a map of settings, found " + describe(value) + cure_of_map(value));
}

std::optional<Node> Section::find(std::string_view key) {
  if (!contains(asked_, std::string(key))) asked_.emplace_back(key);
  return node_.find(key);
}

Node Section::child(std::string_view key, const std::string& needed) {
  if (auto found = find(key)) return *std::move(found);
  if (const Member* slip = slip_of(key)) {
    told_.push_back(slip->key);
    throw unknown_key(*slip);
  }
  throw node_.error("the key " + in_quotes(key) + " is missing" + (needed.empty() ? "" : " (" + needed + ")"));
}

const Member* Section::slip_of(std::string_view key) const {
  for (const auto& member : node_.value().members)
    if (!contains(asked_, member.key) && !contains(told_, member.key) && nearest(member.key, asked_) == key)
      return &member;
  return nullptr;
}

int64_t in_range(const Node& node, int64_t value, int64_t low, int64_t high) {
  return require_range(node, value, low, high);
}

double in_range(const Node& node, double value, double low, double high) {
  return require_range(node, value, low, high);
}

int64_t Section::integer(std::string_view key, int64_t fallback, int64_t low, int64_t high) {
  const auto found = find(key);
  return found ? in_range(*found, read<int64_t>(*found), low, high) : fallback;
}

double Section::number(std::string_view key, double fallback, double low, double high) {
  const auto found = find(key);
  return found ? in_range(*found, read<double>(*found), low, high) : fallback;
}

void Section::finish() const {
  Problems problems;
  for (const auto& member : node_.value().members)
    if (!contains(asked_, member.key) && !contains(told_, member.key)) problems.add(unknown_key(member));
  problems.raise();
}

ConfigError Section::unknown_key(const Member& member) const {
  const auto path = node_.path();
  return ConfigError(member.origin, (path.empty() ? "" : path + ".") + printable(member.key) + ": unknown key" +
                                        cure_of_key(member.key, node_, asked_));
}

Node type_of(const Node& section, const std::vector<std::string>& names) {
  const Value& value = section.value();
  if (value.kind == Value::Kind::kScalar) return section;
  Section settings(section);
  const auto type = settings.find("type");
  if (!type)
    for (const auto& member : value.members)
      if (contains(names, member.key))
        throw section.error("the key 'type' is missing; write {type: " + member.key + "}, and its keys beside type");
  return type ? *type : settings.child("type", "one of " + joined(names));
}

Node settings_of(const Node& section) {
  return section.value().kind == Value::Kind::kScalar ? section.emptied() : section;
}

void require_something(const Node& node, const std::string& expected, const std::string& otherwise) {
  if (node.value().kind == Value::Kind::kNull)
    throw node.error("expected " + expected + ", found nothing; remove the key for its default, " + otherwise);
}

void refuse_unit(const Node& node, std::string_view unit, std::string_view expected) {
  const Value& value = node.value();
  if (value.kind != Value::Kind::kScalar) return;
  const std::string_view text = value.text;
  const size_t digits = std::min(text.find_first_not_of("0123456789.,_ "), text.size());
  const bool has_digits = text.substr(0, digits).find_first_of("0123456789") != text.npos;
  const bool has_unit = has_digits && digits < text.size() && !is_number<double>(text) && !integer_meant(value.text) &&
                        std::all_of(
                            text.begin() + static_cast<std::ptrdiff_t>(digits), text.end(),
                            [](char c) { return std::isalpha(static_cast<uint8_t>(c)); });
  if (has_unit)
    throw wrong_type(node, std::string(expected), "; write it in " + std::string(unit) + ", without a unit");
}

ConfigError unknown_word(const Node& node, const std::string& word, const std::vector<std::string>& words) {
  const std::string instead = advice(word);
  return node.error("expected one of " + joined(words) + ", found " + in_quotes(word) +
                    (instead.empty() ? did_you_mean(word, words) : "; " + instead));
}

}  // namespace millrace::configs
