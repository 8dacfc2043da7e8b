#include "millrace/configs/transform_types.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "millrace/loader/images/transforms/table.h"

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

template <class... Transforms>
void add_all(TransformTypes& types, transforms::TypeList<Transforms...>) {
  (types.add<Transforms>(), ...);
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

void read_value(const KeyValue& from, forms::Steps, transforms::Chain& chain) {
  chain = from.types.read_chain(from.node);
}

void read_value(const KeyValue& from, forms::Steps, std::vector<transforms::Chain>& chains) {
  chains.clear();
  for (const auto& element : from.node.elements())
    chains.push_back(is_list(element) ? from.types.read_chain(element) : from.types.read_step(element));
}

void TransformTypes::put(std::string name, Read read) {
  for (const auto& [present, _] : readers_)
    if (present == name) throw std::logic_error("TransformTypes: there is a transform " + in_quotes(name) + " already");
  readers_.emplace_back(std::move(name), read);
}

TransformTypes::TransformTypes() { add_all(*this, transforms::NamedTransforms()); }

transforms::Chain TransformTypes::read_step(const Node& node) const {
  const Value& value = node.value();
  const bool is_name = value.kind == Value::Kind::kScalar;
  if (!is_name && (value.kind != Value::Kind::kMap || value.members.size() != 1))
    throw node.error(
        "expected a transform's name, or one name with its parameters, such as resize: {size: 224}; found " +
        describe(value));
  const auto name = is_name ? value.text : value.members.front().key;
  std::vector<std::string> names;
  for (const auto& [known, read] : readers_) {
    names.push_back(known);
    if (known != name) continue;
    Section parameters(is_name ? node.emptied() : node[name]);
    auto step = read(parameters, *this);
    parameters.finish();
    return step;
  }
  throw unknown_word(node, name, names);
}

transforms::Chain TransformTypes::read_chain(const Node& node) const {
  transforms::Chain chain;
  if (node.value().kind == Value::Kind::kNull) return chain;
  for (const auto& element : node.elements())
    chain = build_at(element, [&] { return std::move(chain) | read_step(element); });
  return chain;
}

}  // namespace millrace::configs
