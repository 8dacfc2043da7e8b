#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// Numbers, or pictures: the mean difference (l1) or mean square (mse) between what the model gives and a field of the
/// same shape. Pictures uint8 {samples, channels, height, width} are compared between 0 and 1. Measures both, and the
/// peak signal-to-noise ratio of pictures. Predictions are the numbers, or PNG files.
class Regression : public Task {
 public:
  enum class Loss { kL1, kMse };
  enum class Of { kNumbers, kPictures };

  /// `outputs`: numbers a sample, or channels of pictures.
  Regression(std::string field, Of of, int64_t outputs, Loss loss)
      : field_(std::move(field)), of_(of), outputs_(outputs), loss_(loss) {}

  std::string_view name() const override { return "regression"; }
  int64_t outputs() const override { return outputs_; }
  at::Tensor target(const Batch& batch) const override;
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const override;
  std::unique_ptr<Evaluation> evaluation() const override;
  std::unique_ptr<PredictionWriter> prediction_writer(const PredictionOptions& options) const override;
  std::vector<int64_t> output_shape(const FieldSpec& target) const override {
    return of_ == Of::kPictures ? target.shape : std::vector<int64_t>{outputs_};
  }

 private:
  std::string field_;
  Of of_;
  int64_t outputs_;
  Loss loss_;
};

}  // namespace millrace::training
