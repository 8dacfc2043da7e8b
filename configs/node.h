#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/value.h"

namespace millrace::configs {

/// The configuration of a run, or a part of it: a value, its path in the document and the document, which lives as long
/// as a Node points into it. Immutable, cheap to copy, and safe to read from several threads.
class Node {
 public:
  explicit Node(Value root);

  const Value& value() const { return *value_; }
  std::string path() const;  ///< The place in the document, "" for all of it: "loader.batch_size", "transforms.0".

  /// The member `key` of a map, or of an empty section, which has none. Throws ConfigError when this is neither. When
  /// the key is missing, operator[] throws ConfigError.
  Node operator[](std::string_view key) const;
  std::optional<Node> find(std::string_view key) const;

  /// The member `key`, or nothing at the place where it would be: a section whose keys may all be left out. Throws
  /// ConfigError as find().
  Node section(std::string_view key) const;

  /// The elements of a list. Throws ConfigError when this is no list.
  std::vector<Node> elements() const;

  /// A node at the same place with nothing in it, as the settings of a thing that was named without any.
  Node emptied() const;

  /// The map or list that this is a part of. REQUIRES: not the document itself.
  Node parent() const;

  /// A ConfigError about this value: "photos.yaml:12:5: loader.batch_size: " and `what`, as
  /// without_environment() gives it. It has no problem when that of this value was reported.
  ConfigError error(const std::string& what) const;

  /// A text in which values of the environment that are a part of this one are ${env:NAME}: they may be secrets.
  std::string without_environment(std::string text) const;

 private:
  Node(std::shared_ptr<const Value> root, std::shared_ptr<const Value> value, std::vector<std::string> path)
      : root_(std::move(root)), value_(std::move(value)), path_(std::move(path)) {}

  // A node for `found`, which lies in the document at `path`.
  Node part(const Value& found, std::vector<std::string> path) const;

  std::shared_ptr<const Value> root_;
  std::shared_ptr<const Value> value_;  // Points into *root_, and keeps all of it.
  std::vector<std::string> path_;
};

}  // namespace millrace::configs
