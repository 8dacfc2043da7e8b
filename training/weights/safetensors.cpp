#include "millrace/training/weights/safetensors.h"

#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/round_up.h"

namespace millrace::training {
namespace {

using c10::ScalarType;

// Numbers in the file are little-endian, and so is every machine that this library is for.
static_assert(std::endian::native == std::endian::little);

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kLongestHeader = 100'000'000;  // The format's own limit.
constexpr std::string_view kMetadata = "__metadata__";

// What the format knows, wide types last: files are written in the opposite order, so that every tensor is aligned.
constexpr std::array<std::pair<std::string_view, ScalarType>, 15> kDtypes = {{{"BOOL", ScalarType::Bool},
                                                                              {"U8", ScalarType::Byte},
                                                                              {"I8", ScalarType::Char},
                                                                              {"F8_E5M2", ScalarType::Float8_e5m2},
                                                                              {"F8_E4M3", ScalarType::Float8_e4m3fn},
                                                                              {"I16", ScalarType::Short},
                                                                              {"U16", ScalarType::UInt16},
                                                                              {"F16", ScalarType::Half},
                                                                              {"BF16", ScalarType::BFloat16},
                                                                              {"I32", ScalarType::Int},
                                                                              {"U32", ScalarType::UInt32},
                                                                              {"F32", ScalarType::Float},
                                                                              {"F64", ScalarType::Double},
                                                                              {"I64", ScalarType::Long},
                                                                              {"U64", ScalarType::UInt64}}};

[[noreturn]] void refuse_header(const std::string& why) { throw std::runtime_error("header: " + why); }
[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw std::runtime_error("tensor " + in_quotes(name) + ": " + why);
}

uint64_t length_of_header(std::string_view bytes) {
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  return length;
}

// The header's text as JSON: a map of maps of numbers, lists and texts. What is nested deeper is refused before it is
// built, and so are keys that stand twice.
nlohmann::json parse_header(std::string_view text) {
  constexpr int kDeepest = 3;
  std::vector<std::set<std::string>> keys(kDeepest + 1);
  const auto look = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= kDeepest) refuse_header("is nested deeper than any header");
      keys.at(static_cast<size_t>(depth) + 1).clear();
    }
    if (event == Event::key && !keys.at(static_cast<size_t>(depth)).insert(parsed.get<std::string>()).second)
      refuse_header("has the key " + in_quotes(parsed.get<std::string>()) + " twice");
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), look);
  } catch (const nlohmann::json::parse_error& e) {
    throw std::runtime_error("header, byte " + std::to_string(kLengthBytes + e.byte) + ": is no JSON");
  } catch (const nlohmann::json::exception& e) {
    refuse_header(printable(e.what()));
  }
}

std::map<std::string, std::string> metadata_of(const nlohmann::json& value) {
  if (!value.is_object()) refuse_header("__metadata__ is no map of texts");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) refuse_header("__metadata__ is no map of texts: " + in_quotes(key) + " has another value");
    metadata.emplace(key, text.get<std::string>());
  }
  return metadata;
}

// A tensor as the header describes it.
struct Entry {
  std::string name;
  ScalarType dtype = ScalarType::Undefined;
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // Of its bytes, behind the header.
  uint64_t end = 0;
};

ScalarType dtype_of(const std::string& name, const nlohmann::json& value) {
  if (!value.is_string()) refuse(name, "dtype is no text");
  const auto word = value.get<std::string>();
  for (const auto& [known, dtype] : kDtypes)
    if (known == word) return dtype;
  refuse(name, "dtype " + in_quotes(word) + " is none that LibTorch has here");
}

uint64_t natural_number(const std::string& name, const char* key, const nlohmann::json& value) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!value.is_number_unsigned() || value.get<uint64_t>() > kMost)
    refuse(name, std::string(key) + " is no list of numbers from 0 on");
  return value.get<uint64_t>();
}

std::vector<int64_t> shape_of(const std::string& name, const nlohmann::json& value) {
  if (!value.is_array()) refuse(name, "shape is no list of numbers from 0 on");
  std::vector<int64_t> shape;
  for (const auto& side : value) shape.push_back(static_cast<int64_t>(natural_number(name, "shape", side)));
  return shape;
}

// Throws for a shape whose sides alone are beyond all memory, be it empty by another side.
uint64_t bytes_of(const Entry& entry) {
  int64_t of_sides = static_cast<int64_t>(c10::elementSize(entry.dtype));
  bool empty = false;
  for (const int64_t side : entry.shape) {
    empty = empty || side == 0;
    if (__builtin_mul_overflow(of_sides, std::max<int64_t>(side, 1), &of_sides))
      refuse(entry.name, "shape is larger than any memory");
  }
  return empty ? 0 : static_cast<uint64_t>(of_sides);
}

Entry entry_of(const std::string& name, const nlohmann::json& value) {
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets"))
    refuse(name, "expected dtype, shape and data_offsets");
  Entry entry{name, dtype_of(name, value["dtype"]), shape_of(name, value["shape"]), 0, 0};
  const auto& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) refuse(name, "data_offsets is no list of two numbers");
  entry.begin = natural_number(name, "data_offsets", offsets[0]);
  entry.end = natural_number(name, "data_offsets", offsets[1]);
  if (entry.end < entry.begin || entry.end - entry.begin != bytes_of(entry))
    refuse(name, "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "] are not the " +
                     counted(bytes_of(entry), "byte") + " of its shape and dtype");
  return entry;
}

// That the tensors, in the order of their bytes, are all of the data, each byte once.
void require_whole(const std::vector<Entry>& entries, uint64_t bytes) {
  uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end)
      refuse(entry.name, "its bytes begin at " + std::to_string(entry.begin) + ", and those before it end at " +
                             std::to_string(end));
    if (entry.end > bytes)
      refuse(entry.name, "its bytes end at " + std::to_string(entry.end) + ", and the file has " +
                             std::to_string(bytes) + " behind the header: it was cut off");
    end = entry.end;
  }
  if (end != bytes)
    throw std::runtime_error("has " + counted(bytes - end, "byte") + " behind the last tensor, which belong to none");
}

at::Tensor tensor_of(const Entry& entry, std::string_view data) {
  auto tensor = at::empty(entry.shape, entry.dtype);
  if (entry.end > entry.begin)
    std::memcpy(tensor.mutable_data_ptr(), data.data() + entry.begin, entry.end - entry.begin);
  return tensor;
}

// Where in kDtypes.
size_t rank_of(const NamedTensor& weight) {
  const auto* const found = std::find_if(
      kDtypes.begin(), kDtypes.end(), [&](const auto& known) { return known.second == weight.tensor.scalar_type(); });
  if (found == kDtypes.end())
    throw std::invalid_argument("tensor " + in_quotes(weight.name) + " is " +
                                c10::toString(weight.tensor.scalar_type()) + ", which .safetensors cannot hold");
  return static_cast<size_t>(found - kDtypes.begin());
}

std::string header_of(const Safetensors& content, const NamedTensors& in_order) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header[std::string(kMetadata)] = content.metadata;
  uint64_t at = 0;
  for (const auto& [name, tensor] : in_order) {
    const uint64_t end = at + tensor.nbytes();
    if (name == kMetadata || header.contains(name))
      throw std::invalid_argument("two tensors, or one and what is said of the file, have the name " + in_quotes(name));
    header[name] = {{"dtype", kDtypes.at(rank_of({name, tensor})).first},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& e) {
    throw std::invalid_argument("a tensor's name is no UTF-8: " + printable(e.what()));
  }
  text.resize(round_up(text.size(), kLengthBytes), ' ');
  return text;
}

}  // namespace

bool is_safetensors(std::string_view bytes) {
  return bytes.size() > kLengthBytes && length_of_header(bytes) <= kLongestHeader && bytes[kLengthBytes] == '{';
}

Safetensors parse_safetensors(std::string_view bytes) {
  if (!is_safetensors(bytes)) throw std::runtime_error("is no .safetensors file");
  const uint64_t length = length_of_header(bytes);
  if (length > bytes.size() - kLengthBytes)
    refuse_header("has " + counted(length, "byte") + ", and the file ends before: it was cut off");
  const auto header = parse_header(bytes.substr(kLengthBytes, length));
  const auto data = bytes.substr(kLengthBytes + length);

  Safetensors content;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata)
      content.metadata = metadata_of(value);
    else
      entries.push_back(entry_of(name, value));
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  require_whole(entries, data.size());
  for (const Entry& entry : entries) content.weights.push_back({entry.name, tensor_of(entry, data)});
  return content;
}

void write_safetensors(NewFile& file, const Safetensors& content) {
  NamedTensors in_order = content.weights;
  std::sort(in_order.begin(), in_order.end(), [](const NamedTensor& a, const NamedTensor& b) {
    return std::pair(rank_of(b), a.name) < std::pair(rank_of(a), b.name);
  });
  const std::string header = header_of(content, in_order);
  const uint64_t length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const auto& [name, tensor] : in_order) {
    const auto plain = tensor.detach().cpu().contiguous();
    file.write({static_cast<const std::byte*>(plain.const_data_ptr()), plain.nbytes()});
  }
}

}  // namespace millrace::training
