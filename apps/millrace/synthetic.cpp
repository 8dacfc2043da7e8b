#include "millrace/apps/millrace/synthetic.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/sample_rng.h"
#include "millrace/sharing/codec/archive.h"

namespace millrace::apps {
namespace {

constexpr size_t kValues = 97;

void check_positive(const char* name, int64_t value) {
  if (value <= 0)
    throw std::invalid_argument(std::string(name) + " must be at least 1, found " + std::to_string(value));
}

template <class T>
void fill(std::span<std::byte> row, size_t value) {
  auto* first = reinterpret_cast<T*>(row.data());
  std::fill(first, first + row.size() / sizeof(T), static_cast<T>(value));
}

}  // namespace

Filled::Filled(int64_t size, c10::ScalarType dtype, std::vector<int64_t> shape, int64_t fields)
    : size_(size), dtype_(dtype), shape_(std::move(shape)), fields_(fields) {
  check_positive("size", size_);
  check_positive("fields", fields_);
  for (const int64_t dimension : shape_) check_positive("a dimension of shape", dimension);
  if (dtype_ != c10::ScalarType::Byte && dtype_ != c10::ScalarType::Long && dtype_ != c10::ScalarType::Float)
    throw std::invalid_argument(std::string("dtype must be uint8, int64 or float32, found ") + c10::toString(dtype_));
}

SampleSpec Filled::spec() const {
  SampleSpec spec;
  for (int64_t i = 0; i < fields_; ++i)
    spec.fields.push_back({i == 0 ? "data" : "data" + std::to_string(i), dtype_, shape_});
  return spec;
}

void Filled::read(size_t index, SampleRow& row, SampleContext& /*context*/) const {
  const size_t value = index % kValues;
  for (size_t field = 0; field < static_cast<size_t>(fields_); ++field) {
    const auto bytes = row.bytes(field);
    if (dtype_ == c10::ScalarType::Byte)
      fill<uint8_t>(bytes, value);
    else if (dtype_ == c10::ScalarType::Long)
      fill<int64_t>(bytes, value);
    else
      fill<float>(bytes, value);
  }
}

Rows::Rows(int64_t size, int64_t width, uint64_t seed) : size_(size), width_(width) {
  check_positive("size", size);
  check_positive("width", width);
  const size_t count = static_cast<size_t>(size) * static_cast<size_t>(width);
  table_ = millrace::detail::SharedBytes::make("table of floats", count * sizeof(float), [&](std::byte* memory) {
    SampleRng rng(seed);
    auto* values = reinterpret_cast<float*>(memory);
    std::generate(values, values + count, [&] { return static_cast<float>(rng.uniform()); });
  });
}

void Rows::read(size_t index, SampleRow& row, SampleContext& /*context*/) const {
  const auto data = row.bytes(0);
  const auto label = static_cast<int64_t>(index);
  // Compared so, since a division a row would take longer than the loader does.
  if ((index + 1) * data.size() > table_.size())
    throw DecodeError("a table of floats is smaller than its dataset says");
  std::memcpy(data.data(), table_.data() + index * data.size(), data.size());
  std::memcpy(row.bytes(1).data(), &label, sizeof label);
}

}  // namespace millrace::apps
