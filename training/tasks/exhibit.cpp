#include "millrace/training/tasks/exhibit.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <variant>

#include "millrace/sharing/os/printable.h"
#include "millrace/training/tasks/picture.h"
#include "millrace/training/tasks/prediction_writer.h"

namespace millrace::training {
namespace {

bool is_pictures(const at::Tensor& field) { return field.dim() == 4 && field.size(2) > 0 && field.size(3) > 0; }

// One picture of a field {samples, channels, height, width} as bytes.
at::Tensor planes_of(const at::Tensor& field, int64_t sample) {
  const auto planes = field[sample].cpu();
  if (planes.scalar_type() == at::kByte) return planes;
  const auto values = planes.to(at::kFloat);
  const auto low = values.min(), high = values.max();
  return ((values - low) / (high - low).clamp_min(1e-6) * 255).to(at::kByte);
}

at::Tensor in_three_channels(const at::Tensor& planes) {
  return planes.size(0) == 3 ? planes : planes.narrow(0, 0, 1).expand({3, -1, -1});
}

// "dress" of a label, "0.25" of a number; nothing of what is neither.
std::string caption_of(const at::Tensor& target, int64_t sample, const std::vector<std::string>& classes) {
  if (target.dim() != 1) return "";
  if (!at::isIntegralType(target.scalar_type(), /*includeBool=*/true)) return cell_of(target[sample].item<double>());
  return label_text(target[sample].item<int64_t>(), classes);
}

std::vector<plots::LabelledBox> boxes_of(const Columns& batch, int64_t sample) {
  const auto corners = batch["boxes"][sample].to(at::kCPU, at::kDouble);
  const auto count = std::min(batch["boxes.count"][sample].item<int64_t>(), corners.size(0));
  std::vector<plots::LabelledBox> boxes;
  for (int64_t i = 0; i < count; ++i) {
    const auto box = corners[i];
    boxes.push_back({box[0].item<double>(), box[1].item<double>(), box[2].item<double>(), box[3].item<double>()});
  }
  return boxes;
}

std::vector<uint8_t> mask_of(const Columns& batch, int64_t sample) {
  const auto mask = batch["mask"][sample].to(at::kCPU, at::kByte).contiguous();
  const auto* begin = mask.const_data_ptr<uint8_t>();
  return {begin, begin + mask.numel()};
}

const at::Tensor* second_tensor(const Columns& batch) {
  return batch.size() > 1 ? std::get_if<at::Tensor>(&std::next(batch.begin())->value) : nullptr;
}

}  // namespace

std::string label_text(int64_t label, const std::vector<std::string>& classes) {
  const bool has_name = label >= 0 && label < std::ssize(classes);
  return has_name ? printable(classes[static_cast<size_t>(label)]) : std::to_string(label);
}

bool has_pictures(const Columns& batch) {
  if (batch.empty()) return false;
  const auto* first = std::get_if<at::Tensor>(&batch.begin()->value);
  return first != nullptr && is_pictures(*first);
}

plots::Exhibit exhibit_of(const Columns& batch, int64_t sample, const std::vector<std::string>& classes) {
  plots::Exhibit exhibit;
  auto planes = planes_of(batch.tensor(size_t{0}), sample);
  const bool has_mask = batch.contains("mask");
  if (has_mask) exhibit.mask = mask_of(batch, sample);
  if (const at::Tensor* target = second_tensor(batch)) {
    if (!has_mask && is_pictures(*target) && target->size(2) == planes.size(1))
      planes = at::cat({in_three_channels(planes), in_three_channels(planes_of(*target, sample))}, 2);
    else
      exhibit.caption = caption_of(*target, sample, classes);
  }
  if (batch.contains("boxes") && batch.contains("boxes.count")) exhibit.boxes = boxes_of(batch, sample);
  exhibit.picture = to_picture(planes);
  return exhibit;
}

}  // namespace millrace::training
