#include "millrace/configs/transform_fields.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "millrace/configs/tables/key.h"
#include "millrace/configs/tables/parameter_meanings.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

namespace forms = transforms::forms;
using Range = std::pair<double, double>;

constexpr int64_t kMaxSide = std::numeric_limits<int>::max();

bool is_list(const Node& node) { return node.value().kind == Value::Kind::kList; }

int read_side(const Node& node) {
  const auto side = read<int64_t>(node);
  if (side < 1 || side > kMaxSide) throw node.error("expected a number of pixels, found " + shown_text(node.value()));
  return static_cast<int>(side);
}

Range read_range(const Node& node) {
  const auto values = read<std::vector<double>>(node);
  if (values.size() != 2) throw node.error("expected two numbers, [low, high]");
  return {values[0], values[1]};
}

Range read_symmetric(const Node& node) {
  if (is_list(node)) return read_range(node);
  const auto most = read<double>(node);
  return {-most, most};
}

Range read_change(const Node& node, double middle, double lowest) {
  if (is_list(node)) return read_range(node);
  const auto change = read<double>(node);
  if (change < 0) throw node.error("must be at least 0, or [low, high]; found " + shown_text(node.value()));
  return {std::max(lowest, middle - change), middle + change};
}

}  // namespace

void read_value(const KeyValue& from, forms::Plain, bool& value) { value = read<bool>(from.node); }

void read_value(const KeyValue& from, forms::Plain, int& value) {
  constexpr auto kLimits = std::numeric_limits<int>();
  const auto low = static_cast<int64_t>(std::max<double>(from.low, kLimits.min()));
  const auto high = static_cast<int64_t>(std::min<double>(from.high, kLimits.max()));
  value = static_cast<int>(in_range(from.node, read<int64_t>(from.node), low, high));
}

void read_value(const KeyValue& from, forms::Plain, double& value) {
  value = read<double>(from.node);
  const bool has_bounds = std::isfinite(from.low) || std::isfinite(from.high);
  if (has_bounds) in_range(from.node, value, from.low, from.high);
}

void read_value(const KeyValue& from, forms::Plain, Range& range) { range = read_range(from.node); }

void read_value(const KeyValue& from, forms::Plain, image::Size& size) {
  if (!is_list(from.node)) {
    const int side = read_side(from.node);
    size = {side, side};
    return;
  }
  const auto sides = from.node.elements();
  if (sides.size() != 2) throw from.node.error("expected one number, or height and width");
  size = {read_side(sides[0]), read_side(sides[1])};
}

void read_value(const KeyValue& from, forms::Plain, image::Borders& borders) {
  const auto sides = is_list(from.node) ? read<std::vector<int64_t>>(from.node) : std::vector{read<int64_t>(from.node)};
  for (const int64_t side : sides) {
    if (side < 0 || side > kMaxSide) throw from.node.error("expected numbers of pixels, found " + std::to_string(side));
  }
  if (sides.size() != 1 && sides.size() != 2 && sides.size() != 4)
    throw from.node.error("expected one number, [left and right, top and bottom] or [left, top, right, bottom]");
  const auto side = [&](size_t i) { return static_cast<int>(sides[i % sides.size()]); };
  borders = {side(0), side(1), side(2), side(3)};
}

void read_value(const KeyValue& from, forms::Plain, std::vector<double>& values) {
  values = read<std::vector<double>>(from.node);
}

void read_value(const KeyValue& from, forms::Channels, std::vector<uint8_t>& values) {
  values.clear();
  for (const int64_t value :
       is_list(from.node) ? read<std::vector<int64_t>>(from.node) : std::vector{read<int64_t>(from.node)}) {
    if (value < 0 || value > 255)
      throw from.node.error("expected pixel values, 0 to 255, found " + std::to_string(value));
    values.push_back(static_cast<uint8_t>(value));
  }
}

void read_value(const KeyValue& from, forms::Channels, std::vector<float>& values) {
  const auto numbers = read<std::vector<double>>(from.node);
  values.assign(numbers.begin(), numbers.end());
}

void read_value(const KeyValue& from, forms::Kernel, image::Size& size) {
  const auto sides = is_list(from.node) ? from.node.elements() : std::vector{from.node};
  if (sides.size() != 1 && sides.size() != 2) throw from.node.error("expected one number, or height and width");
  size = {read_side(sides.front()), read_side(sides.back())};
}

void read_value(const KeyValue& from, forms::Shorter, image::Size& size, bool& is_shorter_side) {
  read_value(from, forms::Plain(), size);
  is_shorter_side = !is_list(from.node);
}

void read_value(const KeyValue& from, forms::Symmetric, Range& range) { range = read_symmetric(from.node); }

void read_value(const KeyValue& from, forms::Factors, Range& range) { range = read_change(from.node, 1, 0); }

void read_value(const KeyValue& from, forms::Turns, Range& range) { range = read_change(from.node, 0, -1); }

void read_value(const KeyValue& from, forms::Shear, Range& along_x, Range& along_y) {
  if (!is_list(from.node) || from.node.elements().size() != 4) {
    along_x = read_symmetric(from.node);
    return;
  }
  const auto numbers = read<std::vector<double>>(from.node);
  along_x = {numbers[0], numbers[1]};
  along_y = {numbers[2], numbers[3]};
}

NamedStep named_step(const Node& element) {
  const Value& value = element.value();
  if (value.kind == Value::Kind::kScalar) return {value.text, element.emptied()};
  if (value.kind == Value::Kind::kMap && value.members.size() == 1) {
    const auto& name = value.members.front().key;
    return {name, element[name]};
  }
  const bool is_indented_too_little = value.kind == Value::Kind::kMap && !value.members.empty() &&
                                      value.members.front().value.kind == Value::Kind::kNull;
  throw element.error(
      "expected a transform's name, or one name with its parameters, such as resize: {size: 224}; found " +
      describe(value) +
      (is_indented_too_little ? "; indent what belongs to " + printable(value.members.front().key) + " below it" : ""));
}

void require_parameters(const Node& parameters, std::string_view key) {
  const Value& value = parameters.value();
  if (value.kind == Value::Kind::kMap || value.kind == Value::Kind::kNull) return;
  const bool can_be_meant = value.kind == Value::Kind::kScalar && !key.empty();
  throw parameters.error("expected a map of settings, found " + describe(value) +
                         (can_be_meant ? "; write {" + std::string(key) + ": " + shown_text(value) + "}" : ""));
}

std::string detail::needed_text(const std::string& expected, std::string_view key) {
  const std::string_view meaning = tables::meaning_of_parameter(key);
  return meaning.empty() ? expected : expected + ": " + tables::within_sentence(meaning);
}

std::vector<Node> steps_of(const Node& transforms) {
  const Value& value = transforms.value();
  if (value.kind == Value::Kind::kNull) return {};
  if (value.kind == Value::Kind::kMap)
    throw transforms.error("expected a list, found a map; write a - before each of its elements");
  return transforms.elements();
}

}  // namespace millrace::configs
