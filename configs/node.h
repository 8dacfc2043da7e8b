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
  /// environment that are a part of this one are ${env:NAME}. It has no problem when that of this value was reported.
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

}  // namespace millrace::configs
