#include "millrace/showing/tally.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <sstream>
#include <variant>

#include "millrace/showing/overview.h"
#include "millrace/showing/statistics_text.h"

namespace millrace::showing {
namespace {

// Whether a column is the class of each sample: the one called so, or a second one of whole numbers.
bool is_label(const Columns& batch, const Column& column) {
  const auto* tensor = std::get_if<at::Tensor>(&column.value);
  if (tensor == nullptr || tensor->dim() != 1 || !at::isIntegralType(tensor->scalar_type(), /*includeBool=*/true))
    return false;
  return column.name == "label" || (batch.size() == 2 && &column != &*batch.begin());
}

std::string looks_of(const at::Tensor& column) {
  std::ostringstream text;
  text << c10::toString(column.scalar_type());
  if (column.dim() > 1) text << " " << column.sizes().slice(1);
  return text.str();
}

}  // namespace

void Tally::add(const Columns& batch, int64_t samples, const std::vector<int64_t>& indices) {
  for (const Column& column : batch) add_column(batch, column, samples, indices);
}

void Tally::add_column(const Columns& batch, const Column& column, int64_t samples,
                       const std::vector<int64_t>& indices) {
  if (const auto* strings = std::get_if<std::vector<std::string>>(&column.value)) {
    std::vector<int64_t> lengths;
    for (const std::string& text : *strings) lengths.push_back(static_cast<int64_t>(text.size()));
    return add_lengths(column.name, lengths, "bytes of text");
  }
  if (const auto* tensors = std::get_if<std::vector<at::Tensor>>(&column.value)) {
    std::vector<int64_t> lengths;
    for (const at::Tensor& tensor : *tensors) lengths.push_back(tensor.numel());
    return add_lengths(column.name, lengths, "numbers in a tensor");
  }
  const auto& tensor = std::get<at::Tensor>(column.value);
  if (is_overview(column)) {
    Pictures& pictures = pictures_[column.name];
    for (int64_t sample = 0; sample < samples; ++sample) add_picture(pictures, tensor, sample);
  } else if (column.name == "mask" && tensor.dim() == 4) {
    for (int64_t sample = 0; sample < samples; ++sample) add_mask(batch, sample);
  } else if (is_label(batch, column)) {
    const at::Tensor labels = tensor.to(at::kCPU, at::kLong).contiguous();
    for (const int64_t label : std::span(labels.const_data_ptr<int64_t>(), static_cast<size_t>(labels.numel())))
      ++classes_[label];
  } else {
    add_numbers(column.name, tensor, looks_of(tensor), indices);
  }
}

void Tally::add_picture(Pictures& pictures, const at::Tensor& field, int64_t sample) {
  const auto channels = measured_of(field, sample);
  pictures.channels.resize(channels.size());
  for (size_t i = 0; i < channels.size(); ++i) {
    pictures.channels[i].values += static_cast<double>(channels[i].height) * channels[i].width;
    pictures.channels[i].sum += static_cast<double>(channels[i].sum);
    pictures.channels[i].squares += static_cast<double>(channels[i].squares);
  }
  const Measured& first = channels.front();
  ++pictures.sizes[{static_cast<int>(first.width), static_cast<int>(first.height)}];
}

void Tally::add_mask(const Columns& batch, int64_t sample) {
  const at::Tensor mask = picture_of(batch, sample)["mask"].to(at::kCPU, at::kByte).contiguous();
  for (const uint8_t value : std::span(mask.const_data_ptr<uint8_t>(), static_cast<size_t>(mask.numel())))
    ++mask_pixels_[value];
}

Tally::Numbers& Tally::numbers_of(const std::string& column, const std::string& looks) {
  const auto [place, is_new] = numbers_.try_emplace(column, Numbers{looks});
  if (is_new) order_.push_back(column);
  return place->second;
}

void Tally::add_numbers(const std::string& column, const at::Tensor& values, const std::string& looks,
                        const std::vector<int64_t>& indices) {
  if (values.numel() == 0) return;
  const at::Tensor all = values.to(at::kCPU, at::kDouble).contiguous();
  const int64_t samples = all.size(0), of_sample = all.numel() / samples;
  const double* number = all.const_data_ptr<double>();
  Numbers& known = numbers_of(column, looks);
  for (int64_t sample = 0; sample < samples; ++sample) {
    bool is_finite = true;
    for (int64_t i = 0; i < of_sample; ++i, ++number) {
      if (!std::isfinite(*number)) {
        is_finite = false;
        continue;
      }
      known.least = std::min(known.least, *number);
      known.most = std::max(known.most, *number);
      known.sum += *number;
      ++known.values;
    }
    if (is_finite || known.not_finite_samples++ > 0) continue;
    if (static_cast<size_t>(sample) < indices.size()) known.first_not_finite = indices[static_cast<size_t>(sample)];
  }
}

void Tally::add_lengths(const std::string& column, const std::vector<int64_t>& lengths, const std::string& unit) {
  add_numbers(column, at::tensor(lengths), unit, {});
}

void Tally::put_into(Statistics& statistics, const std::function<std::string(int64_t)>& describe) const {
  statistics.classes = classes_;
  for (const auto& [column, pictures] : pictures_) {
    PictureStatistics& made = statistics.pictures.emplace_back(PictureStatistics{column, pictures.sizes, {}});
    for (const Channel& channel : pictures.channels) {
      const double mean = channel.sum / channel.values;
      made.channels.push_back({mean, std::sqrt(std::max(0.0, channel.squares / channel.values - mean * mean))});
    }
  }
  const auto pixels = static_cast<double>(std::accumulate(mask_pixels_.begin(), mask_pixels_.end(), int64_t{0}));
  for (size_t value = 0; value < mask_pixels_.size(); ++value)
    if (mask_pixels_[value] > 0)
      statistics.mask_shares[static_cast<int64_t>(value)] = static_cast<double>(mask_pixels_[value]) / pixels;
  for (const std::string& column : order_) {
    const Numbers& known = numbers_.at(column);
    const int64_t first = known.first_not_finite;
    statistics.numbers.push_back({column, known.looks, known.values, known.least, known.most, known.sum / known.values,
                                  known.not_finite_samples,
                                  name_of(first, first >= 0 && describe ? describe(first) : "")});
  }
}

}  // namespace millrace::showing
