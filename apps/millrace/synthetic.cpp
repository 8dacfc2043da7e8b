#include "millrace/apps/millrace/synthetic.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/sample_rng.h"

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

Filled::Filled(int64_t size, c10::ScalarType dtype, std::vector<int64_t> shape)
    : size_(size), dtype_(dtype), shape_(std::move(shape)) {
  check_positive("size", size_);
  for (const int64_t dimension : shape_) check_positive("a dimension of shape", dimension);
  if (dtype_ != c10::ScalarType::Byte && dtype_ != c10::ScalarType::Long && dtype_ != c10::ScalarType::Float)
    throw std::invalid_argument(std::string("dtype must be uint8, int64 or float32, found ") + c10::toString(dtype_));
}

void Filled::read(size_t index, SampleRow& row, SampleContext& /*context*/) const {
  const size_t value = index % kValues;
  if (dtype_ == c10::ScalarType::Byte) return fill<uint8_t>(row.bytes(0), value);
  if (dtype_ == c10::ScalarType::Long) return fill<int64_t>(row.bytes(0), value);
  fill<float>(row.bytes(0), value);
}

SharedFloats::SharedFloats(size_t count, const std::function<void(std::span<float>)>& fill)
    : memory_(FrozenSegment::make("table of floats", count * sizeof(float), "use a smaller dataset.size",
                                  [&](std::byte* memory) { fill({reinterpret_cast<float*>(memory), count}); })) {}

std::span<const float> SharedFloats::values() const {
  return {reinterpret_cast<const float*>(memory_.data()), memory_.size() / sizeof(float)};
}

void SharedFloats::save(EncodeArchive& archive) const {
  if (!memory_) throw std::logic_error("SharedFloats: there is no table to send");
  archive.attach(memory_.fd());
}

void SharedFloats::load(DecodeArchive& archive) { memory_ = FrozenSegment::adopt(archive.detach()); }

Rows::Rows(int64_t size, int64_t width, uint64_t seed) : size_(size), width_(width) {
  check_positive("size", size);
  check_positive("width", width);
  table_ = SharedFloats(static_cast<size_t>(size) * static_cast<size_t>(width), [&](std::span<float> values) {
    SampleRng rng(seed);
    for (float& value : values) value = static_cast<float>(rng.uniform());
  });
}

void Rows::read(size_t index, SampleRow& row, SampleContext& /*context*/) const {
  const auto data = row.bytes(0);
  const auto label = static_cast<int64_t>(index);
  const auto rows = std::as_bytes(table_.values());
  // Compared so, since a division a row would take longer than the loader does.
  if ((index + 1) * data.size() > rows.size()) throw DecodeError("a table of floats is smaller than its dataset says");
  std::memcpy(data.data(), rows.data() + index * data.size(), data.size());
  std::memcpy(row.bytes(1).data(), &label, sizeof label);
}

}  // namespace millrace::apps
