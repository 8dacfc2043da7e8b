#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/training/tasks/task.h"
#include "millrace/training/tasks/wrong_class.h"

namespace millrace::training {

/// Pictures (or anything else) into one of several classes: cross entropy of logits {samples, classes} with the field
/// `label`, int64 {samples}. Measures accuracy, accuracy among the first five guesses, and the loss; the table has a
/// row a class, and behind it the confusion matrix. Predictions are the likeliest classes with their probabilities.
class Classification : public Task {
 public:
  static constexpr int64_t kIgnored = -100;  ///< A label that counts for nothing in the loss, as PyTorch has it.

  /// `names` of the classes, by number.
  Classification(std::string field, std::vector<std::string> names, double label_smoothing)
      : field_(std::move(field)), names_(std::move(names)), label_smoothing_(label_smoothing) {}

  std::string_view name() const override { return "classification"; }
  int64_t outputs() const override { return static_cast<int64_t>(names_.size()); }
  at::Tensor target(const Batch& batch) const override { return batch[field_]; }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const override;
  std::unique_ptr<Evaluation> evaluation() const override;
  std::unique_ptr<PredictionWriter> prediction_writer(const PredictionOptions& options) const override;
  bool has_classes() const override { return true; }
  std::optional<WrongClass> find_wrong_class(const at::Tensor& field) const override {
    return training::find_wrong_class(field, outputs(), kIgnored);
  }
  std::vector<int64_t> output_shape(const FieldSpec&) const override { return {outputs()}; }

 private:
  std::string field_;
  std::vector<std::string> names_;
  double label_smoothing_;
};

}  // namespace millrace::training
