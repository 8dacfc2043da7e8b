#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/origin.h"

namespace millrace::configs {

struct Member;

/// A parsed value with the origin of each of its parts. Scalars are kept as text; binder.h gives them types.
struct Value {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text;             ///< Of a scalar.
  std::string shown;            ///< What stands in messages for a text with values of the environment; or nothing.
  bool quoted = false;          ///< A scalar written in quotes is text, whatever it looks like.
  bool resolved = false;        ///< A scalar whose references were replaced: a ${ in it is text.
  bool reported = false;        ///< What is wrong with it has been told: errors about it are no news.
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

}  // namespace millrace::configs
