#include "millrace/configs/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "millrace/configs/overrides.h"
#include "millrace/configs/references.h"
#include "millrace/loader/whole_number.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::configs {
namespace {

[[noreturn]] void fail_at(const Origin& at, const std::string& what) { throw ConfigError(to_string(at) + ": " + what); }

// Follows the parser through a text before yaml-cpp makes nodes of it, and stops it: yaml-cpp knows no limits, and its
// LoadAll() turns for ever where the parser does not come past a token that begins nothing (", 1").
class Guard : public YAML::EventHandler {
 public:
  Guard(const std::string& text, const std::string& source) : text_(text), source_(source) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    const Origin at = origin(mark);
    if (begins_document(at))
      fail_at(at, "a second YAML document begins here, but one is expected; remove the line with ---");
    fail_at(at, "not valid YAML: this stands behind the end of the document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override { count(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override { count(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {
    count(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    enter(mark);
  }
  void OnMapEnd() override { --depth_; }

  bool has_document() const { return documents_ > 0; }

 private:
  Origin origin(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  void count(const YAML::Mark& mark) {
    if (++values_ > Limits::kValues) fail_at(origin(mark), "more than " + std::to_string(Limits::kValues) + " values");
  }
  void enter(const YAML::Mark& mark) {
    count(mark);
    if (++depth_ > Limits::kDepth)
      fail_at(origin(mark), "nested deeper than " + std::to_string(Limits::kDepth) + " levels");
  }

  bool begins_document(const Origin& at) const {
    size_t line = 0;
    for (int i = 1; i < at.line && line != std::string::npos; ++i) line = text_.find('\n', line) + 1;
    return at.column == 1 && text_.compare(line, 3, "---") == 0;
  }

  const std::string& text_;
  const std::string& source_;
  int documents_ = 0;
  int depth_ = 0;
  size_t values_ = 0;
};

// Copies yaml-cpp's node graph into our tree. yaml-cpp keeps duplicate keys, shares aliased nodes and does not know the
// name of the file.
class Converter {
 public:
  explicit Converter(const std::string& source) : source_(source) {}

  Value convert(const YAML::Node& node, int depth = 0) {
    Value value;
    value.origin = origin(node.Mark());
    if (depth > Limits::kDepth)
      fail_at(value.origin,
              "nested deeper than " + std::to_string(Limits::kDepth) + " levels (does an alias contain itself?)");
    if (++values_ > Limits::kValues)
      fail_at(value.origin, "more than " + std::to_string(Limits::kValues) + " values (do aliases multiply?)");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        value.kind = Value::Kind::kScalar;
        value.text = node.Scalar();
        bytes_ += value.text.size();
        if (bytes_ > Limits::kBytes)
          fail_at(value.origin,
                  "more than " + std::to_string(Limits::kBytes) + " bytes of text (do aliases multiply?)");
        value.quoted = node.Tag() == "!";
        break;
      case YAML::NodeType::Sequence:
        value.kind = Value::Kind::kList;
        for (const auto& element : node) value.elements.push_back(convert(element, depth + 1));
        break;
      case YAML::NodeType::Map: {
        value.kind = Value::Kind::kMap;
        Lines lines;
        for (const auto& entry : node) add_member(value, entry.first, entry.second, lines, depth);
        break;
      }
    }
    return value;
  }

 private:
  using Lines = std::unordered_map<std::string, int>;  // By key. Searching the members would take their square.

  void add_member(Value& map, const YAML::Node& key, const YAML::Node& value, Lines& lines, int depth) {
    const Origin at = origin(key.Mark());
    if (!key.IsScalar()) fail_at(at, "a key must be a word, not a list or a map");
    const std::string& name = key.Scalar();
    if (name == "<<") fail_at(at, "merge keys (<<) are not supported; write the keys out");
    const auto [first, is_new] = lines.emplace(name, at.line);
    if (!is_new) fail_at(at, printable(name) + ": this key was already given in line " + std::to_string(first->second));
    map.members.push_back({name, at, convert(value, depth + 1)});
  }

  Origin origin(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  const std::string& source_;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

void emit(YAML::Emitter& out, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      out << YAML::Null << YAML::Comment(to_string(value.origin));
      break;
    case Value::Kind::kScalar:
      if (value.quoted) out << YAML::DoubleQuoted;
      out << (value.shown.empty() ? value.text : value.shown) << YAML::Comment(to_string(value.origin));
      break;
    case Value::Kind::kList:
      out << YAML::BeginSeq;
      for (const auto& element : value.elements) emit(out, element);
      out << YAML::EndSeq;
      break;
    case Value::Kind::kMap:
      out << YAML::BeginMap;
      for (const auto& member : value.members) {
        out << YAML::Key << member.key << YAML::Value;
        emit(out, member.value);
      }
      out << YAML::EndMap;
      break;
  }
}

std::string read_file(const std::string& file) {
  try {
    return millrace::detail::read_regular(file, Limits::kBytes);
  } catch (const std::exception& error) {
    throw ConfigError(printable(file) + ": cannot read: " + error.what());
  }
}

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

std::string to_string(const Origin& origin) {
  if (origin.line == 0) return printable(origin.source);
  return printable(origin.source) + ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
}

std::string to_yaml(const Value& value) {
  YAML::Emitter out;
  emit(out, value);
  return out.c_str();
}

const Value* Value::find(std::string_view key) const {
  for (const auto& member : members)
    if (member.key == key) return &member.value;
  return nullptr;
}

Value* Value::find(std::string_view key) {
  for (auto& member : members)
    if (member.key == key) return &member.value;
  return nullptr;
}

void set_origin(Value& value, const Origin& origin) {
  value.origin = origin;
  for (auto& element : value.elements) set_origin(element, origin);
  for (auto& member : value.members) {
    member.origin = origin;
    set_origin(member.value, origin);
  }
}

namespace {

const std::string& text_shown(const Value& value) { return value.shown.empty() ? value.text : value.shown; }

}  // namespace

std::string shown_text(const Value& value) { return printable(text_shown(value)); }

std::string describe(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kScalar:
      return value.quoted ? "the quoted text \"" + shown_text(value) + "\"" : in_quotes(text_shown(value));
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

Node::Node(Value root) : root_(std::make_shared<const Value>(std::move(root))), value_(root_) {}

Node Node::part(const Value& found, std::vector<std::string> path) const {
  return Node(root_, std::shared_ptr<const Value>(root_, &found), std::move(path));
}

Node Node::emptied() const {
  auto nothing = std::make_shared<Value>();
  nothing->origin = value_->origin;
  return Node(root_, std::move(nothing), path_);
}

std::string Node::path() const {
  std::string joined;
  for (const auto& part : path_) joined += (joined.empty() ? "" : ".") + part;
  return printable(joined);
}

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
  const auto where = path();
  auto shown = what;
  hide_environment(shown, *value_);
  return ConfigError(to_string(value_->origin) + ": " + (where.empty() ? "" : where + ": ") + shown);
}

Value parse(const std::string& text, const std::string& source) {
  if (text.size() > Limits::kBytes)
    throw ConfigError(printable(source) + ": is larger than " + std::to_string(Limits::kBytes) +
                      " bytes, which no settings are; is it another file?");
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    Guard guard(text, source);
    while (parser.HandleNextDocument(guard)) {
    }
    if (!guard.has_document()) return Value();
    return Converter(source).convert(YAML::Load(text));
  } catch (const YAML::Exception& e) {
    fail_at({source, e.mark.line + 1, e.mark.column + 1}, "not valid YAML: " + printable(e.msg));
  }
}

Node load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  const std::string path = millrace::detail::user_path(file.string());
  Value root = parse(read_file(path), path);
  if (root.kind == Value::Kind::kNull)
    throw ConfigError(printable(path) + ": is empty, but a map of settings is expected");
  if (root.kind != Value::Kind::kMap)
    throw ConfigError(to_string(root.origin) + ": expected a map of settings, found " + describe(root));
  for (const auto& argument : overrides) apply_override(root, argument);
  resolve_references(root);
  return Node(std::move(root));
}

}  // namespace millrace::configs
