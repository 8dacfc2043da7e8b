#include "millrace/showing/overview.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <variant>

#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::showing {
namespace {

// The size of a picture in a square of that side: never enlarged.
image::Size fitted(image::Size size, int side) {
  const int longer = std::max(size.height, size.width);
  if (longer <= side) return size;
  const auto reduced = [&](int extent) { return std::max(1, static_cast<int>(int64_t{extent} * side / longer)); };
  return {reduced(size.height), reduced(size.width)};
}

Measured measure(const image::Planes& picture, int channel) {
  Measured measured{static_cast<uint32_t>(picture.size.height), static_cast<uint32_t>(picture.size.width), 0, 0};
  for (const uint8_t value : std::span(picture.row(channel, 0), picture.plane_values())) {
    measured.sum += value;
    measured.squares += uint64_t{value} * value;
  }
  return measured;
}

// Rows of an element of a batch, {1, channels, height, width}, without what was added to fill the square.
at::Tensor cut(const at::Tensor& field, int64_t sample, image::Size size) {
  return field.narrow(0, sample, 1).narrow(2, 0, size.height).narrow(3, 0, size.width);
}

}  // namespace

void Overview::check() const {
  if (side < kLeast) throw std::invalid_argument("Overview: side has to be at least " + std::to_string(kLeast));
}

void Overview::apply(transforms::Pixels& picture, SampleRng&) const {
  std::vector<Measured> measured;
  const image::Planes whole = picture.planes();
  for (int channel = 0; channel < whole.channels; ++channel) measured.push_back(measure(whole, channel));
  const image::Size size = fitted(whole.size, side);
  picture.resize(size);
  constexpr std::array<uint8_t, 1> kBlack = {0};
  picture.pad({0, 0, side - size.width, side + 1 - size.height}, image::PadMode::kConstant, kBlack);
  const image::Planes square = picture.planes();
  for (int channel = 0; channel < square.channels; ++channel)
    std::memcpy(square.row(channel, side), &measured[static_cast<size_t>(channel)], sizeof(Measured));
}

std::vector<Measured> measured_of(const at::Tensor& field, int64_t sample) {
  std::vector<Measured> measured;
  const at::Tensor rows = field[sample].select(1, field.size(3)).contiguous();
  for (int64_t channel = 0; channel < rows.size(0); ++channel) {
    const at::Tensor row = rows[channel];
    std::memcpy(&measured.emplace_back(), row.const_data_ptr<uint8_t>(), sizeof(Measured));
  }
  return measured;
}

bool is_overview(const Column& column) {
  const auto* field = std::get_if<at::Tensor>(&column.value);
  return field != nullptr && column.name != "mask" && field->scalar_type() == at::kByte && field->dim() == 4 &&
         field->size(2) == field->size(3) + 1 && field->size(3) >= Overview::kLeast;
}

Columns picture_of(const Columns& batch, int64_t sample) {
  Columns alone;
  image::Size size;
  for (const Column& column : batch) {
    if (is_overview(column)) {
      const auto& field = std::get<at::Tensor>(column.value);
      const Measured measured = measured_of(field, sample).front();
      size = fitted({static_cast<int>(measured.height), static_cast<int>(measured.width)},
                    static_cast<int>(field.size(3)));
      alone.append(column.name, cut(field, sample, size));
    } else if (const auto* field = std::get_if<at::Tensor>(&column.value)) {
      const bool moves_along = column.name == "mask" && field->dim() == 4 && size.height > 0;
      alone.append(column.name, moves_along ? cut(*field, sample, size) : field->narrow(0, sample, 1));
    }
  }
  return alone;
}

}  // namespace millrace::showing
