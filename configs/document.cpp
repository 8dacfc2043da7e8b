#include "millrace/configs/document.h"

#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "millrace/configs/overrides.h"
#include "millrace/configs/references.h"

namespace millrace::configs {
namespace {

// Far beyond any configuration. They stop aliases that contain themselves, or that multiply with each level.
constexpr int kMaxDepth = 64;
constexpr int kMaxValues = 100'000;

// Copies yaml-cpp's node graph into our tree. yaml-cpp keeps duplicate keys, shares aliased nodes and does not know the
// name of the file.
class Converter {
 public:
  explicit Converter(const std::string& source) : source_(source) {}

  Value convert(const YAML::Node& node, int depth = 0) {
    Value value;
    value.origin = origin(node.Mark());
    if (depth > kMaxDepth)
      fail(value.origin, "nested deeper than " + std::to_string(kMaxDepth) + " levels (does an alias contain itself?)");
    if (++values_ > kMaxValues)
      fail(value.origin, "more than " + std::to_string(kMaxValues) + " values (do aliases multiply?)");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        value.kind = Value::Kind::kScalar;
        value.text = node.Scalar();
        value.quoted = node.Tag() == "!";
        break;
      case YAML::NodeType::Sequence:
        value.kind = Value::Kind::kList;
        for (const auto& element : node) value.elements.push_back(convert(element, depth + 1));
        break;
      case YAML::NodeType::Map:
        value.kind = Value::Kind::kMap;
        for (const auto& entry : node) add_member(value, entry.first, entry.second, depth);
        break;
    }
    return value;
  }

 private:
  void add_member(Value& map, const YAML::Node& key, const YAML::Node& value, int depth) {
    const Origin at = origin(key.Mark());
    if (!key.IsScalar()) fail(at, "a key must be a word, not a list or a map");
    const std::string& name = key.Scalar();
    if (name == "<<") fail(at, "merge keys (<<) are not supported; write the keys out");
    for (const auto& member : map.members)
      if (member.key == name)
        fail(at, name + ": this key was already given in line " + std::to_string(member.origin.line));
    map.members.push_back({name, at, convert(value, depth + 1)});
  }

  Origin origin(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  [[noreturn]] static void fail(const Origin& at, const std::string& what) {
    throw ConfigError(to_string(at) + ": " + what);
  }

  const std::string& source_;
  int values_ = 0;
};

void emit(YAML::Emitter& out, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      out << YAML::Null << YAML::Comment(to_string(value.origin));
      break;
    case Value::Kind::kScalar:
      if (value.quoted) out << YAML::DoubleQuoted;
      out << value.text << YAML::Comment(to_string(value.origin));
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

std::string read_file(const std::filesystem::path& file) {
  if (std::filesystem::is_directory(file)) throw ConfigError(file.string() + ": is a directory, not a YAML file");
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (in.good()) text << in.rdbuf();
  if (!in.is_open() || in.bad())
    throw ConfigError(file.string() + ": cannot read: " + std::generic_category().message(errno));
  return std::move(text).str();
}

}  // namespace

std::string to_string(const Origin& origin) {
  if (origin.line == 0) return origin.source;
  return origin.source + ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
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

std::string describe(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kScalar:
      return value.quoted ? "the quoted text \"" + value.text + "\"" : "'" + value.text + "'";
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
  return joined;
}

std::optional<Node> Node::find(std::string_view key) const {
  if (value_->kind != Value::Kind::kMap && value_->kind != Value::Kind::kNull)
    throw error("expected a map with the key '" + std::string(key) + "', found " + describe(*value_));
  const Value* found = value_->find(key);
  if (found == nullptr) return std::nullopt;
  auto path = path_;
  path.emplace_back(key);
  return part(*found, std::move(path));
}

Node Node::operator[](std::string_view key) const {
  if (auto found = find(key)) return *std::move(found);
  throw error("the key '" + std::string(key) + "' is missing");
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
  for (const auto& part : path) at = at->kind == Value::Kind::kList ? &at->elements[std::stoul(part)] : at->find(part);
  return part(*at, std::move(path));
}

ConfigError Node::error(const std::string& what) const {
  const auto where = path();
  return ConfigError(to_string(value_->origin) + ": " + (where.empty() ? "" : where + ": ") + what);
}

Value parse(const std::string& text, const std::string& source) {
  try {
    const auto documents = YAML::LoadAll(text);
    if (documents.size() > 1)
      throw ConfigError(source + ": holds " + std::to_string(documents.size()) +
                        " YAML documents, but one is expected; remove the lines with ---");
    if (documents.empty()) return Value();
    return Converter(source).convert(documents.front());
  } catch (const YAML::Exception& e) {
    throw ConfigError(to_string({source, e.mark.line + 1, e.mark.column + 1}) + ": not valid YAML: " + e.msg);
  }
}

Node load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  Value root = parse(read_file(file), file.string());
  if (root.kind == Value::Kind::kNull)
    throw ConfigError(file.string() + ": is empty, but a map of settings is expected");
  if (root.kind != Value::Kind::kMap)
    throw ConfigError(to_string(root.origin) + ": expected a map of settings, found " + describe(root));
  for (const auto& argument : overrides) apply_override(root, argument);
  resolve_references(root);
  return Node(std::move(root));
}

}  // namespace millrace::configs
