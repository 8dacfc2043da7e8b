#include "millrace/configs/value.h"

#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

const std::string& text_shown(const Value& value) { return value.shown.empty() ? value.text : value.shown; }

}  // namespace

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

}  // namespace millrace::configs
