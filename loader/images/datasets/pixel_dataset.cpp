#include "millrace/loader/images/datasets/pixel_dataset.h"

#include <algorithm>
#include <utility>

#include "millrace/loader/dataset.h"
#include "millrace/loader/images/transforms/renderer.h"

namespace millrace {

size_t PixelDataset::Format::picture_bytes() const {
  return static_cast<size_t>(channels(mode)) * static_cast<size_t>(size.height) * static_cast<size_t>(size.width);
}

PixelDataset::PixelDataset(Format format, size_t count,
                           const std::function<void(std::span<int64_t>, std::span<uint8_t>)>& fill)
    : format_(std::move(format)), count_(count) {
  const size_t label_bytes = count * sizeof(int64_t);
  const size_t pixel_bytes = count * format_.picture_bytes();
  memory_ = detail::SharedBytes::make(format_.name, label_bytes + pixel_bytes, [&](std::byte* memory) {
    fill({reinterpret_cast<int64_t*>(memory), count}, {reinterpret_cast<uint8_t*>(memory + label_bytes), pixel_bytes});
  });
}

PixelDataset PixelDataset::transform(transforms::Chain chain) const {
  PixelDataset result = *this;
  result.chain_ = chain_ | chain;
  return result;
}

int64_t PixelDataset::label(size_t i) const {
  detail::require_index(format_.name.c_str(), i, count_);
  return reinterpret_cast<const int64_t*>(memory_.data())[i];
}

std::span<const uint8_t> PixelDataset::pixels(size_t i) const {
  const auto* first = reinterpret_cast<const uint8_t*>(memory_.data()) + count_ * sizeof(int64_t);
  return {first + i * format_.picture_bytes(), format_.picture_bytes()};
}

SampleSpec PixelDataset::spec() const {
  return {chain_.field("image", format_.mode, chain_.output_size(format_.size)), {"label", c10::ScalarType::Long, {}}};
}

void PixelDataset::read(size_t i, SampleRow& row, SampleContext& context) const {
  row.set<int64_t>("label", label(i));
  if (chain_.steps().empty()) {
    std::ranges::copy(pixels(i), row.span<uint8_t>("image").begin());
    return;
  }
  thread_local transforms::Renderer renderer;
  renderer.render(chain_, pixels(i), format_.size, context.rng(), chain_.output_size(format_.size), row.bytes(0));
}

void PixelDataset::save(EncodeArchive& archive) const { archive(format_, count_, memory_, chain_); }

void PixelDataset::load(DecodeArchive& archive) {
  archive(format_, count_, memory_, chain_);
  const size_t bytes = sizeof(int64_t) + format_.picture_bytes();
  if (count_ > memory_.size() / bytes)
    throw DecodeError(format_.name + ": " + std::to_string(count_) + " pictures do not fit their memory");
}

}  // namespace millrace
