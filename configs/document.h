#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/errors.h"

namespace millrace::configs {

/// Where a value was written: a place in a file, or an argument of the command line (line 0).
struct Origin {
  std::string source;
  int line = 0;    ///< From 1.
  int column = 0;  ///< From 1.
};

/// "photos.yaml:12:5", or "command line 'loader.batch_size=128'".
std::string to_string(const Origin& origin);

struct Member;

/// A parsed value with the origin of each of its parts. Scalars are kept as text; binder.h gives them types.
struct Value {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text;             ///< Of a scalar.
  std::string shown;            ///< What stands in messages for a text with values of the environment; or nothing.
  bool quoted = false;          ///< A scalar written in quotes is text, whatever it looks like.
  bool resolved = false;        ///< A scalar whose references were replaced: a ${ in it is text.
  std::vector<Value> elements;  ///< Of a list.
  std::vector<Member> members;  ///< Of a map, in the order of the file; no key occurs twice.
  Origin origin;

  Value* find(std::string_view key);
  const Value* find(std::string_view key) const;
};

struct Member {
  std::string key;
  Origin origin;  ///< Of the key.
  Value value;
};

/// Gives a value and all its parts one origin.
void set_origin(Value& value, const Origin& origin);

/// A scalar for messages: on one line, without values of the environment, which may be secrets.
std::string shown_text(const Value& value);

/// "a map", "a list", "nothing", "'abc'", for messages, as shown_text().
std::string describe(const Value& value);

/// The value as YAML that parse() reads back, with the origin of every scalar in a comment behind it. What came from
/// the environment is ${env:NAME} again.
std::string to_yaml(const Value& value);

/// The configuration of a run, or a part of it: a value, its path in the document and the document, which lives as long
/// as a Node points into it. Immutable, cheap to copy, and safe to read from several threads.
class Node {
 public:
  explicit Node(Value root);

  const Value& value() const { return *value_; }
  std::string path() const;  ///< "loader.batch_size", "transforms.0"; "" is the document itself.

  /// The member `key` of a map, or of nothing at all (an empty section). Throws ConfigError when this is something else
  /// or, operator[] only, when the key is missing.
  Node operator[](std::string_view key) const;
  std::optional<Node> find(std::string_view key) const;

  /// The elements of a list. Throws ConfigError when this is none.
  std::vector<Node> elements() const;

  /// The same place with nothing in it: the settings of a thing that was named without any.
  Node emptied() const;

  /// The map or list that this is a part of. REQUIRES: not the document itself.
  Node parent() const;

  /// A ConfigError about this value: "photos.yaml:12:5: loader.batch_size: " and `what`, in which values of the
  /// environment that are a part of this one are ${env:NAME}.
  ConfigError error(const std::string& what) const;

 private:
  Node(std::shared_ptr<const Value> root, std::shared_ptr<const Value> value, std::vector<std::string> path)
      : root_(std::move(root)), value_(std::move(value)), path_(std::move(path)) {}

  // `found` lies in the document, at `path`.
  Node part(const Value& found, std::vector<std::string> path) const;

  std::shared_ptr<const Value> root_;
  std::shared_ptr<const Value> value_;  // Inside *root_, and keeps all of it.
  std::vector<std::string> path_;
};

/// Far beyond any configuration: what a document may be, and may become by aliases and references, before it is called
/// a mistake or an attack.
struct Limits {
  static constexpr int kDepth = 64;           ///< Levels of lists and maps, and references on the way to a value.
  static constexpr size_t kValues = 100'000;  ///< Scalars, lists and maps.
  static constexpr int kReferences = 10'000;
  static constexpr size_t kBytes = 4'000'000;  ///< Of text: read, and again of what stands in the place of references.
};

/// Parses YAML. `source` names it in messages. Stricter than yaml-cpp: a key that occurs twice, merge keys (<<), a
/// second document, and more than Limits are errors. Aliases become copies.
/// Throws ConfigError.
Value parse(const std::string& text, const std::string& source);

/// Reads a file, applies overrides in order (see overrides.h), then resolves references (references.h). The file must
/// hold a map.
/// Throws ConfigError, also when the file cannot be read or is none: a pipe may never end.
Node load(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

}  // namespace millrace::configs
