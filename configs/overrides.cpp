#include "millrace/configs/overrides.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/limits.h"
#include "millrace/configs/path.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/yaml.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace::configs {
namespace {

// What one argument does.
enum class Action : uint8_t { kSet, kAdd, kRemove, kAppend };

bool is_index(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// An element of a list goes by its name where it is one, or a map of one key.
std::optional<std::string> name_of(const Value& element) {
  if (element.kind == Value::Kind::kScalar) return element.text;
  if (element.kind == Value::Kind::kMap && element.members.size() == 1) return element.members.front().key;
  return std::nullopt;
}

class Override {
 public:
  Override(const std::string& argument, int number) : origin_{"command line " + in_quotes(argument), 0, number} {
    std::string_view text = argument;
    if (text.starts_with("--")) throw error("write it without the dashes, such as loader.batch_size=128");
    if (text.starts_with('+') || text.starts_with('~')) {
      action_ = text.front() == '+' ? Action::kAdd : Action::kRemove;
      text.remove_prefix(1);
    }
    const size_t equals = text.find('=');
    std::string_view key = text.substr(0, equals);
    if (action_ == Action::kRemove && equals != std::string_view::npos)
      throw error("a key is removed without a value; write ~" + printable(key));
    if (key.empty() || (action_ != Action::kRemove && equals == std::string_view::npos))
      throw error("expected KEY=VALUE, such as loader.batch_size=128");
    if (action_ == Action::kSet && key.ends_with('+')) {
      action_ = Action::kAppend;
      key.remove_suffix(1);
    }
    parts_ = split_path(key);
    if (parts_.size() > Limits::kDepth)
      throw error("the key has more than " + std::to_string(Limits::kDepth) + " parts");
    if (parts_.front() == "include")
      throw error("files are included by a file alone, before the command line is read; write it there");
    if (std::find(parts_.begin(), parts_.end(), "") != parts_.end()) throw error("a part of the key is empty");
    if (action_ != Action::kRemove) value_ = read_value(text.substr(equals + 1));
  }

  // Copies what has changed in `root` to the same place in `piece`.
  void copy_changed(const Value& root, Value& piece) const {
    std::vector<const Member*> way;
    const Value* changed = &root;
    for (const std::string& part : parts_) {
      if (changed->kind != Value::Kind::kMap) break;  // A list, all of which is copied.
      const auto found = std::ranges::find(changed->members, part, &Member::key);
      if (found == changed->members.end()) return;
      way.push_back(&*found);
      changed = &found->value;
    }
    Value* place = &piece;
    for (const Member* const member : way) {
      place->kind = Value::Kind::kMap;
      Value* next = place->find(member->key);
      if (next == nullptr) next = &place->members.emplace_back(Member{member->key, member->origin, Value()}).value;
      place = next;
    }
    *place = *changed;
  }

  void apply(Value& root) {
    Value& holder = walk(root);
    switch (action_) {
      case Action::kSet:
        part(holder, parts_.size() - 1) = std::move(value_);
        break;
      case Action::kAdd:
        add(holder);
        break;
      case Action::kRemove:
        remove(holder);
        break;
      case Action::kAppend:
        append(part(holder, parts_.size() - 1));
        break;
    }
  }

 private:
  ConfigError error(const std::string& what) const { return {origin_, what}; }

  Value read_value(std::string_view text) const {
    try {
      Value value = parse(std::string(text), origin_.source);
      set_origin(value, origin_);
      return value;
    } catch (const ConfigError&) {
      throw error("the value is not valid YAML; quote it if it is text");
    }
  }

  // The path up to, and without, the part with this number.
  std::string path(size_t end) const {
    return printable(join_path({parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(end)}));
  }
  std::string whole_path() const { return path(parts_.size()); }

  // What holds the last part.
  Value& walk(Value& root) {
    Value* at = &root;
    for (size_t i = 0; i + 1 < parts_.size(); ++i) at = &part(*at, i);
    return *at;
  }

  // A part of a map or a list; a key that a map does not have is added, but for one that is to be removed.
  Value& part(Value& holder, size_t i) {
    if (holder.kind == Value::Kind::kScalar) throw scalar_on_the_way(holder, i);
    if (holder.kind == Value::Kind::kList) return is_index(parts_[i]) ? numbered(holder, i) : named(holder, i);
    if (Value* const found = holder.find(parts_[i])) return *found;
    if (action_ == Action::kRemove) throw nothing_to_remove(holder, i);
    holder.kind = Value::Kind::kMap;  // An empty section becomes a map.
    holder.members.push_back({parts_[i], origin_, Value()});
    holder.members.back().value.origin = origin_;
    return holder.members.back().value;
  }

  Value& numbered(Value& list, size_t i) const {
    if (Value* const found = element_at(list, parts_[i])) return *found;
    throw error(path(i) + " is a list of " + counted(list.elements.size(), "element") +
                ", counted from 0; it has no element " + in_quotes(parts_[i]) +
                (action_ == Action::kRemove ? "" : "; append one by " + path(i) + "+="));
  }

  // The number of the element of that name.
  size_t number_of(const Value& list, size_t i) const {
    std::vector<size_t> found;
    std::vector<std::string> names;
    for (size_t j = 0; j < list.elements.size(); ++j) {
      const auto name = name_of(list.elements[j]);
      if (!name) continue;
      names.push_back(*name);
      if (*name == parts_[i]) found.push_back(j);
    }
    if (found.size() == 1) return found.front();
    if (found.empty()) {
      const auto meant = did_you_mean(parts_[i], names);
      throw error(path(i) + " has no element " + in_quotes(parts_[i]) + (meant.empty() ? ";" : meant) +
                  (meant.empty() ? " append one by " : " Append one by ") + path(i) + "+=");
    }
    std::string which;
    for (const size_t j : found) which.append(which.empty() ? "" : ", ").append(path(i) + "." + std::to_string(j));
    throw error(path(i) + " has " + std::to_string(found.size()) + " elements " + in_quotes(parts_[i]) +
                "; say which by its number: " + which);
  }

  // What belongs to the element of that name: a name alone becomes one with an empty map.
  Value& named(Value& list, size_t i) const {
    Value& element = list.elements[number_of(list, i)];
    if (element.kind == Value::Kind::kScalar) {
      Value parameters;
      parameters.origin = element.origin;
      Value map;
      map.kind = Value::Kind::kMap;
      map.origin = element.origin;
      map.members.push_back({element.text, element.origin, std::move(parameters)});
      element = std::move(map);
    }
    return element.members.front().value;
  }

  void add(Value& holder) {
    const std::string& last = parts_.back();
    if (holder.kind == Value::Kind::kList && is_index(last)) {
      const auto index = millrace::detail::whole_number<size_t>(last);
      if (!index || *index > holder.elements.size()) numbered(holder, parts_.size() - 1);
      holder.elements.insert(holder.elements.begin() + static_cast<std::ptrdiff_t>(*index), std::move(value_));
      return;
    }
    if (const Value* const found = holder.kind == Value::Kind::kMap ? holder.find(last) : nullptr)
      throw error(whole_path() + " is there already, from " + to_string(found->origin) +
                  "; leave out the + to replace it");
    part(holder, parts_.size() - 1) = std::move(value_);
  }

  void remove(Value& holder) {
    const size_t last = parts_.size() - 1;
    if (holder.kind == Value::Kind::kList) {
      const bool has_number = is_index(parts_[last]);
      if (has_number) numbered(holder, last);
      const size_t index = has_number ? *millrace::detail::whole_number<size_t>(parts_[last]) : number_of(holder, last);
      holder.elements.erase(holder.elements.begin() + static_cast<std::ptrdiff_t>(index));
      return;
    }
    part(holder, last);  // Throws when there is none.
    std::erase_if(holder.members, [&](const Member& member) { return member.key == parts_[last]; });
  }

  void append(Value& list) {
    if (list.kind == Value::Kind::kNull) {
      list.kind = Value::Kind::kList;
      list.origin = origin_;
    }
    if (list.kind != Value::Kind::kList)
      throw error(whole_path() + " is " + describe(list) + ", and only lists are appended to; write " + whole_path() +
                  (list.kind == Value::Kind::kMap ? ".KEY=VALUE" : "=VALUE"));
    if (value_.kind != Value::Kind::kList) {
      list.elements.push_back(std::move(value_));
      return;
    }
    for (Value& element : value_.elements) list.elements.push_back(std::move(element));
  }

  ConfigError scalar_on_the_way(const Value& scalar, size_t i) const {
    const std::string what = path(i) + " is " + describe(scalar) + " and has no part " + in_quotes(parts_[i]);
    if (action_ != Action::kSet || i + 1 != parts_.size() || value_.kind != Value::Kind::kScalar) return error(what);
    const bool is_name = std::all_of(scalar.text.begin(), scalar.text.end(),
                                     [](char c) { return c == '_' || std::isalnum(static_cast<uint8_t>(c)) != 0; }) &&
                         !is_index(scalar.text);
    const std::string map =
        "{" + (is_name ? "type: " + scalar.text + ", " : "") + parts_[i] + ": " + shown_text(value_) + "}";
    return error(what + "; write " + path(i) + "=" + in_quotes(map));
  }

  ConfigError nothing_to_remove(const Value& holder, size_t i) const {
    std::vector<std::string> keys;
    for (const Member& member : holder.members) keys.push_back(member.key);
    const auto meant = nearest(parts_[i], keys);
    const std::string prefix = i == 0 ? "" : path(i) + ".";
    return error("there is no " + whole_path() + " to remove" +
                 (meant ? ", did you mean " + prefix + printable(*meant) + "?" : "; leave this argument out"));
  }

  Origin origin_;
  Action action_ = Action::kSet;
  std::vector<std::string> parts_;
  Value value_;
};

}  // namespace

void apply_override(Value& root, const std::string& argument, int number) { Override(argument, number).apply(root); }

Value parts_changed_by(const std::vector<std::string>& arguments, const Value& document) {
  Value piece;
  piece.kind = Value::Kind::kMap;
  for (const std::string& argument : arguments) Override(argument, 1).copy_changed(document, piece);
  return piece;
}

}  // namespace millrace::configs
