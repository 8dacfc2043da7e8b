#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/training/tasks/task.h"
#include "millrace/training/tasks/wrong_class.h"

namespace millrace::training {

/// Every pixel into one of several classes: cross entropy of logits {samples, classes, height, width} with the field
/// `mask`, uint8 {samples, 1, height, width}. Pixels of kIgnored count for nothing. Measures the mean intersection over
/// union of the classes that are there, the share of right pixels, and the loss. A prediction is a mask: a gray PNG
/// whose values are the classes' numbers, or what stands for them in the masks of the run.
class Segmentation : public Task {
 public:
  static constexpr int64_t kIgnored = 255;  ///< As in PASCAL VOC.

  Segmentation(std::string field, std::vector<std::string> names, double label_smoothing)
      : field_(std::move(field)), names_(std::move(names)), label_smoothing_(label_smoothing) {}

  std::string_view name() const override { return "segmentation"; }
  int64_t outputs() const override { return static_cast<int64_t>(names_.size()); }
  at::Tensor target(const Batch& batch) const override { return batch[field_].squeeze(1).to(at::kLong); }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const override;
  std::unique_ptr<Evaluation> evaluation() const override;
  std::unique_ptr<PredictionWriter> prediction_writer(const PredictionOptions& options) const override;
  std::optional<WrongClass> find_wrong_class(const at::Tensor& field) const override {
    return training::find_wrong_class(field, outputs(), kIgnored);
  }
  std::vector<int64_t> output_shape(const FieldSpec& mask) const override {
    const size_t sides = mask.shape.size();
    if (sides < 2) return {outputs()};
    return {outputs(), mask.shape[sides - 2], mask.shape[sides - 1]};
  }

 private:
  std::string field_;
  std::vector<std::string> names_;
  double label_smoothing_;
};

}  // namespace millrace::training
