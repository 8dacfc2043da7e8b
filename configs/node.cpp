#include "millrace/configs/node.h"

#include <cctype>
#include <cstddef>
#include <cstdint>

#include "millrace/configs/path.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace::configs {
namespace {

// Puts `shown` in the place of a text of the environment. One or two letters occur by chance within other words.
void hide(std::string& message, const std::string& text, const std::string& shown) {
  constexpr size_t kTelling = 4;
  const auto is_word = [&](size_t at) {
    return at < message.size() && std::isalnum(static_cast<uint8_t>(message[at]));
  };
  for (size_t at = message.find(text); at != std::string::npos; at = message.find(text, at)) {
    const size_t end = at + text.size();
    const bool within_word = (at > 0 && is_word(at - 1)) || is_word(end);
    if (text.size() < kTelling && within_word) {
      at = end;
      continue;
    }
    message.replace(at, text.size(), shown);
    at += shown.size();
  }
}

void hide_environment(std::string& message, const Value& value) {
  for (const auto& element : value.elements) hide_environment(message, element);
  for (const auto& member : value.members) hide_environment(message, member.value);
  if (value.shown.empty() || value.text.empty()) return;
  hide(message, value.text, value.shown);
  const auto quoted = printable(value.text);  // As other messages quote it.
  if (quoted != value.text) hide(message, quoted, value.shown);
}

}  // namespace

Node::Node(Value root) : root_(std::make_shared<const Value>(std::move(root))), value_(root_) {}

Node Node::part(const Value& found, std::vector<std::string> path) const {
  return Node(root_, std::shared_ptr<const Value>(root_, &found), std::move(path));
}

Node Node::emptied() const {
  auto nothing = std::make_shared<Value>();
  nothing->origin = value_->origin;
  return Node(root_, std::move(nothing), path_);
}

std::string Node::path() const { return printable(join_path(path_)); }

std::optional<Node> Node::find(std::string_view key) const {
  if (value_->kind != Value::Kind::kMap && value_->kind != Value::Kind::kNull)
    throw error("expected a map with the key " + in_quotes(key) + ", found " + describe(*value_));
  const Value* found = value_->find(key);
  if (found == nullptr) return std::nullopt;
  auto path = path_;
  path.emplace_back(key);
  return part(*found, std::move(path));
}

Node Node::operator[](std::string_view key) const {
  if (auto found = find(key)) return *std::move(found);
  throw error("the key " + in_quotes(key) + " is missing");
}

Node Node::section(std::string_view key) const {
  if (auto found = find(key)) return *std::move(found);
  Node nothing = emptied();
  nothing.path_.emplace_back(key);
  return nothing;
}

std::vector<Node> Node::elements() const {
  if (value_->kind != Value::Kind::kList) throw error("expected a list, found " + describe(*value_));
  std::vector<Node> nodes;
  for (size_t i = 0; i < value_->elements.size(); ++i) {
    auto path = path_;
    path.push_back(std::to_string(i));
    nodes.push_back(part(value_->elements[i], std::move(path)));
  }
  return nodes;
}

Node Node::parent() const {
  const Value* at = root_.get();
  auto path = path_;
  path.pop_back();
  for (const auto& part : path)
    at = at->kind == Value::Kind::kList ? &at->elements[*millrace::detail::whole_number<size_t>(part)] : at->find(part);
  return part(*at, std::move(path));
}

ConfigError Node::error(const std::string& what) const {
  if (value_->reported) return ConfigError(std::vector<Problem>());
  const auto where = path();
  return ConfigError(value_->origin, (where.empty() ? "" : where + ": ") + without_environment(what));
}

std::string Node::without_environment(std::string text) const {
  hide_environment(text, *value_);
  return text;
}

}  // namespace millrace::configs
