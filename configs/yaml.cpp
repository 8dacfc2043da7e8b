#include "millrace/configs/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/limits.h"
#include "millrace/configs/path.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

[[noreturn]] void fail_at(const Origin& at, const std::string& what) { throw ConfigError(at, what); }

// A line of a text, counted from 1.
std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.substr(0, text.find('\n'));
}

bool is_indented_by_tab(std::string_view line) {
  return line.substr(0, std::min(line.find_first_not_of(" \t"), line.size())).find('\t') != std::string_view::npos;
}

// What yaml-cpp says, and what people mean to write who meet it.
struct Cure {
  std::string_view said;
  std::string_view cure;
};
constexpr Cure kCures[] = {
    {"illegal map value", "; is a text with ': ' in it without quotes, or the line indented too far?"},
    {"flow not found", "; is a bracket not closed, or a ${} inside of one without quotes?"},
    {"end of map not found", "; indent the keys of one map alike"},
    {"end of sequence not found", "; indent the elements of one list alike"},
    {"anchor is not defined", "; write a text that begins with * in quotes"},
    {"unknown token", "; write a text that begins so in quotes"},
    {"unknown escape character", "; write it in single quotes"},
};

std::string cure_of_syntax(const std::string& said, std::string_view line) {
  if (is_indented_by_tab(line)) return "; indent with spaces, a tab stands at the beginning of this line";
  for (const Cure& cure : kCures)
    if (said.find(cure.said) != std::string::npos) return std::string(cure.cure);
  return "";
}

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
  Converter(const std::string& source, Problems& problems) : source_(source), problems_(problems) {}

  Value convert(const YAML::Node& node, const std::vector<std::string>& path = {}) {
    const int depth = static_cast<int>(path.size());
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
        for (const auto& element : node)
          value.elements.push_back(convert(element, below(path, std::to_string(value.elements.size()))));
        break;
      case YAML::NodeType::Map: {
        value.kind = Value::Kind::kMap;
        Lines lines;
        for (const auto& entry : node) add_member(value, entry.first, entry.second, lines, path);
        break;
      }
    }
    return value;
  }

 private:
  using Lines = std::unordered_map<std::string, int>;  // By key. Searching the members would take their square.

  static std::vector<std::string> below(std::vector<std::string> path, const std::string& part) {
    path.push_back(part);
    return path;
  }

  void add_member(Value& map, const YAML::Node& key, const YAML::Node& value, Lines& lines,
                  const std::vector<std::string>& path) {
    const Origin at = origin(key.Mark());
    if (!key.IsScalar()) fail_at(at, "a key must be a word, not a list or a map");
    const std::string& name = key.Scalar();
    const auto key_path = below(path, name);
    const auto refuse = [&](const std::string& what) {
      problems_.add(ConfigError(at, printable(join_path(key_path)) + ": " + what));
    };
    if (name == "<<") return refuse("merge keys (<<) are not supported; write the keys out");
    const auto [first, is_new] = lines.emplace(name, at.line);
    if (!is_new)
      return refuse("this key was already given in line " + std::to_string(first->second) + "; remove one of them");
    Member& member = map.members.emplace_back(Member{name, at, convert(value, key_path)});
    // yaml-cpp gives nothing the place of what comes next.
    const bool is_elsewhere = member.value.origin.line != at.line && member.value.kind == Value::Kind::kNull;
    if (is_elsewhere) member.value.origin = at;
  }

  Origin origin(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  const std::string& source_;
  Problems& problems_;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

void emit(YAML::Emitter& out, const Value& value, Origins origins) {
  const auto emit_origin = [&] {
    if (origins == Origins::kInComments) out << YAML::Comment(to_string(value.origin));
  };
  switch (value.kind) {
    case Value::Kind::kNull:
      out << YAML::Null;
      emit_origin();
      break;
    case Value::Kind::kScalar:
      if (value.quoted) out << YAML::DoubleQuoted;
      out << (value.shown.empty() ? value.text : value.shown);
      emit_origin();
      break;
    case Value::Kind::kList:
      out << YAML::BeginSeq;
      for (const auto& element : value.elements) emit(out, element, origins);
      out << YAML::EndSeq;
      break;
    case Value::Kind::kMap:
      out << YAML::BeginMap;
      for (const auto& member : value.members) {
        out << YAML::Key << member.key << YAML::Value;
        emit(out, member.value, origins);
      }
      out << YAML::EndMap;
      break;
  }
}

}  // namespace

Value parse(const std::string& text, const std::string& source, Problems& problems) {
  if (text.size() > Limits::kBytes)
    throw ConfigError({source}, "is larger than " + std::to_string(Limits::kBytes) +
                                    " bytes, which no settings are; is it another file?");
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    Guard guard(text, source);
    while (parser.HandleNextDocument(guard)) {
    }
    if (!guard.has_document()) return Value();
    return Converter(source, problems).convert(YAML::Load(text));
  } catch (const YAML::Exception& e) {
    const int line = e.mark.line + 1;
    fail_at({source, line, e.mark.column + 1},
            "not valid YAML: " + printable(e.msg) + cure_of_syntax(e.msg, line_of(text, line)));
  }
}

Value parse(const std::string& text, const std::string& source) {
  Problems problems;
  Value value = parse(text, source, problems);
  problems.raise();
  return value;
}

std::string to_yaml(const Value& value, Origins origins) {
  YAML::Emitter out;
  emit(out, value, origins);
  return out.c_str();
}

}  // namespace millrace::configs
