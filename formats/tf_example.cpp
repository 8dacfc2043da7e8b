#include "millrace/formats/tf_example.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>

#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

[[noreturn]] void refuse_message() {
  throw std::runtime_error("is no tf.train.Example; write it with tf.train.Example(...).SerializeToString()");
}

/// Reads a message of protobuf (its encoding: protobuf.dev/programming-guides/encoding) field by field.
class Message {
 public:
  enum Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  explicit Message(std::string_view bytes) : rest_(bytes) {}

  /// Whether there is a field more. field(), wire() and bytes() or number() tell of it.
  bool next() {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    field_ = tag >> 3;
    wire_ = static_cast<Wire>(tag & 7);
    switch (wire_) {
      case kVarint:
        number_ = varint();
        break;
      case kFixed64:
        bytes_ = take(8);
        break;
      case kBytes:
        bytes_ = take(varint());
        break;
      case kFixed32:
        bytes_ = take(4);
        break;
      default:
        refuse_message();
    }
    return true;
  }

  /// Whether the field is the one of that number, with that encoding. Other fields are of messages that we do not know.
  bool is(uint64_t field, Wire wire) const { return field_ == field && wire_ == wire; }
  std::string_view bytes() const { return bytes_; }
  uint64_t number() const { return number_; }

  /// The next number, in a list of numbers that are nothing but numbers.
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(take(1)[0]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    refuse_message();
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(uint64_t bytes) {
    if (bytes > rest_.size()) refuse_message();
    const auto taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view rest_;
  uint64_t field_ = 0;
  Wire wire_ = kVarint;
  std::string_view bytes_;
  uint64_t number_ = 0;
};

template <class T>
at::Tensor tensor_of(const std::vector<T>& values, at::ScalarType dtype) {
  auto tensor = at::empty({static_cast<int64_t>(values.size())}, dtype);
  if (!values.empty()) std::memcpy(tensor.mutable_data_ptr(), values.data(), values.size() * sizeof(T));
  return tensor;
}

// Lists of numbers come packed into one field, or each in a field of its own.

at::Tensor integers_of(std::string_view list) {
  std::vector<int64_t> values;
  for (Message message(list); message.next();) {
    if (message.is(1, Message::kVarint)) values.push_back(static_cast<int64_t>(message.number()));
    if (!message.is(1, Message::kBytes)) continue;
    for (Message packed(message.bytes()); !packed.at_end();) values.push_back(static_cast<int64_t>(packed.varint()));
  }
  return tensor_of(values, at::kLong);
}

at::Tensor floats_of(std::string_view list) {
  static_assert(std::endian::native == std::endian::little);
  std::vector<float> values;
  for (Message message(list); message.next();) {
    if (!message.is(1, Message::kBytes) && !message.is(1, Message::kFixed32)) continue;
    const std::string_view bytes = message.bytes();
    if (bytes.size() % sizeof(float) != 0) refuse_message();
    const size_t before = values.size();
    values.resize(before + bytes.size() / sizeof(float));
    if (!bytes.empty()) std::memcpy(values.data() + before, bytes.data(), bytes.size());
  }
  return tensor_of(values, at::kFloat);
}

std::string bytes_of(std::string_view list, const std::string& name) {
  size_t count = 0;
  std::string_view value;
  for (Message message(list); message.next();) {
    if (!message.is(1, Message::kBytes)) continue;
    value = message.bytes();
    ++count;
  }
  if (count == 1) return std::string(value);
  throw std::runtime_error("has " + std::to_string(count) + " byte strings in feature " + in_quotes(name) +
                           ", read are features of one; name those to read");
}

/// Which kind a feature is of, and the list in it: of several the last, as for protobuf.
struct Feature {
  enum class Kind : uint8_t { kNone = 0, kBytes = 1, kFloats = 2, kIntegers = 3 } kind = Kind::kNone;
  std::string_view list;
};

Feature feature_of(std::string_view bytes) {
  Feature feature;
  for (Message message(bytes); message.next();)
    for (const auto kind : {Feature::Kind::kBytes, Feature::Kind::kFloats, Feature::Kind::kIntegers})
      if (message.is(static_cast<uint64_t>(kind), Message::kBytes)) feature = {kind, message.bytes()};
  return feature;
}

SampleValue value_of(const std::string& name, const Feature& feature) {
  switch (feature.kind) {
    case Feature::Kind::kBytes:
      return bytes_of(feature.list, name);
    case Feature::Kind::kFloats:
      return floats_of(feature.list);
    case Feature::Kind::kIntegers:
      return integers_of(feature.list);
    case Feature::Kind::kNone:
      break;
  }
  throw std::runtime_error("has nothing in feature " + in_quotes(name) + "; name the features to read");
}

using Features = std::map<std::string, Feature, std::less<>>;

void add_entry(std::string_view entry, Features& features) {
  std::string_view name, value;
  for (Message message(entry); message.next();) {
    if (message.is(1, Message::kBytes)) name = message.bytes();
    if (message.is(2, Message::kBytes)) value = message.bytes();
  }
  features[std::string(name)] = feature_of(value);
}

/// Example.features.feature, a map whose entries are messages of a name and a feature.
Features features_of(std::string_view example) {
  Features features;
  for (Message message(example); message.next();) {
    if (!message.is(1, Message::kBytes)) continue;
    for (Message map(message.bytes()); map.next();)
      if (map.is(1, Message::kBytes)) add_entry(map.bytes(), features);
  }
  return features;
}

std::vector<std::string> names_of(const Features& features) {
  std::vector<std::string> names;
  for (const auto& [name, feature] : features)
    if (feature.kind != Feature::Kind::kNone) names.push_back(name);
  return names;
}

}  // namespace

Sample parse_tf_example(std::string_view bytes, const std::vector<std::string>& names) {
  const Features features = features_of(bytes);
  Sample sample;
  for (const std::string& name : names.empty() ? names_of(features) : names) {
    const auto found = features.find(name);
    if (found == features.end()) {
      std::string there;
      for (const std::string& other : names_of(features)) there += (there.empty() ? "" : ", ") + printable(other);
      throw std::runtime_error("has no feature " + in_quotes(name) + ", it has " + (there.empty() ? "none" : there));
    }
    sample[name] = value_of(name, found->second);
  }
  return sample;
}

}  // namespace millrace::detail
