#include "millrace/configs/binder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "millrace/configs/tables/nearest.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

ConfigError wrong_type(const Node& node, const std::string& expected) {
  return node.error("expected " + expected + ", found " + describe(node.value()));
}

// A plain scalar, which quotes would have made text.
const std::string& plain(const Node& node, const std::string& expected) {
  const Value& value = node.value();
  if (value.kind != Value::Kind::kScalar || value.quoted) throw wrong_type(node, expected);
  return value.text;
}

template <class T>
T number(const Node& node, const std::string& expected) {
  const std::string& text = plain(node, expected);
  const bool has_plus = text.starts_with('+') && !text.starts_with("+-");
  const char* first = text.data() + (has_plus ? 1 : 0);
  const char* last = text.data() + text.size();
  T result{};
  const auto [end, error] = std::from_chars(first, last, result);
  if (error == std::errc::result_out_of_range && end == last) throw wrong_type(node, expected + " that fits 64 bits");
  if (error != std::errc() || end != last) throw wrong_type(node, expected);
  return result;
}

template <class T>
std::vector<T> list(const Node& node) {
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

}  // namespace

template <>
bool read<bool>(const Node& node) {
  const std::string& text = plain(node, "true or false");
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  throw wrong_type(node, "true or false");
}

template <>
int64_t read<int64_t>(const Node& node) {
  return number<int64_t>(node, "an integer");
}

template <>
uint64_t read<uint64_t>(const Node& node) {
  return number<uint64_t>(node, "an integer of at least 0");
}

template <>
double read<double>(const Node& node) {
  const auto value = number<double>(node, "a number");
  if (!std::isfinite(value)) throw wrong_type(node, "a number");  // from_chars reads inf and nan as well.
  return value;
}

template <>
std::string read<std::string>(const Node& node) {
  if (node.value().kind != Value::Kind::kScalar) throw wrong_type(node, "text");
  if (node.value().text.find('\0') != std::string::npos) throw node.error("a text with a NUL in it; write it without");
  return node.value().text;
}

template <>
std::vector<int64_t> read<std::vector<int64_t>>(const Node& node) {
  return list<int64_t>(node);
}

template <>
std::vector<std::vector<int64_t>> read<std::vector<std::vector<int64_t>>>(const Node& node) {
  return list<std::vector<int64_t>>(node);
}

template <>
std::vector<double> read<std::vector<double>>(const Node& node) {
  return list<double>(node);
}

template <>
std::vector<std::string> read<std::vector<std::string>>(const Node& node) {
  return list<std::string>(node);
}

Section::Section(Node node) : node_(std::move(node)) {
  const auto kind = node_.value().kind;
  if (kind != Value::Kind::kMap && kind != Value::Kind::kNull)
    throw node_.error("expected a map of settings, found " + describe(node_.value()));
}

std::optional<Node> Section::find(std::string_view key) {
  asked_.emplace_back(key);
  return node_.find(key);
}

Node Section::child(std::string_view key) {
  if (auto found = find(key)) return *std::move(found);
  // Perhaps it is there under a slip of the pen.
  for (const auto& member : node_.value().members)
    if (std::find(asked_.begin(), asked_.end(), member.key) == asked_.end() && nearest(member.key, {std::string(key)}))
      throw unknown_key(member, {std::string(key)});
  throw node_.error("the key " + in_quotes(key) + " is missing");
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
  for (const auto& member : node_.value().members)
    if (std::find(asked_.begin(), asked_.end(), member.key) == asked_.end()) throw unknown_key(member, asked_);
}

ConfigError Section::unknown_key(const Member& member, const std::vector<std::string>& known) const {
  const auto path = node_.path();
  auto cure = did_you_mean(member.key, known);
  if (cure.empty()) cure = known.empty() ? "; this section has no settings" : "; known here: " + joined(known);
  return ConfigError(to_string(member.origin) + ": " + (path.empty() ? "" : path + ".") + printable(member.key) +
                     ": unknown key" + cure);
}

ConfigError unknown_word(const Node& node, const std::string& word, const std::vector<std::string>& words) {
  return node.error("expected one of " + joined(words) + ", found " + in_quotes(word) + did_you_mean(word, words));
}

}  // namespace millrace::configs
