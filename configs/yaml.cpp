#include "millrace/configs/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <sstream>
#include <unordered_map>

#include "millrace/configs/errors.h"
#include "millrace/configs/limits.h"
#include "millrace/sharing/os/printable.h"

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

}  // namespace

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

std::string to_yaml(const Value& value) {
  YAML::Emitter out;
  emit(out, value);
  return out.c_str();
}

}  // namespace millrace::configs
