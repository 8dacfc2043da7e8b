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
  std::string text;             ///< The text of a scalar.
  std::string shown;            ///< What messages show for a text with values of the environment; else empty.
  bool quoted = false;          ///< Whether a scalar is in quotes and so text, whatever it looks like.
  bool resolved = false;        ///< Whether a scalar's references were replaced: a ${ in it is text then.
  bool reported = false;        ///< Whether what is wrong with it was told: errors about it are no news then.
  std::vector<Value> elements;  ///< The elements of a list.
  std::vector<Member> members;  ///< The members of a map, in the order of the file; no key occurs twice.
  Origin origin;

  Value* find(std::string_view key);
  const Value* find(std::string_view key) const;
};

struct Member {
  std::string key;
  Origin origin;  ///< Where the key is written.
  Value value;
};

/// Gives a value and all its parts one origin.
void set_origin(Value& value, const Origin& origin);

/// A scalar for messages: on one line, without values of the environment, which may be secrets.
std::string shown_text(const Value& value);

/// What a value is, for messages: "a map", "a list", "nothing", or "'abc'" as shown_text() gives it.
std::string describe(const Value& value);

}  // namespace millrace::configs
