#include "millrace/training/tasks/segmentation.h"

#include <ATen/ops/index.h>
#include <ATen/ops/tensor.h>
#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

#include "millrace/training/tasks/confusion.h"
#include "millrace/training/tasks/mean.h"
#include "millrace/training/tasks/percent.h"

namespace millrace::training {
namespace {

double mean_of_numbers(const std::vector<double>& values) {
  double sum = 0;
  int64_t numbers = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++numbers;
  }
  return numbers > 0 ? sum / static_cast<double>(numbers) : 0;
}

class SegmentationEvaluation : public Evaluation {
 public:
  SegmentationEvaluation(const Segmentation& task, const std::vector<std::string>& names)
      : task_(task), names_(names), confusion_(static_cast<int64_t>(names.size())) {}

  void add(const at::Tensor& output, const at::Tensor& target) override {
    confusion_.add(output.argmax(1), target);
    loss_.add(task_.loss(output, target), target.size(0));
  }

  std::vector<Measure> measures() const override {
    const double mean_iou = mean_of_numbers(confusion_.intersections_over_unions());
    const double accuracy = confusion_.accuracy();
    return {{"mean_iou", mean_iou, Better::kHigher, "mean IoU " + percent(mean_iou)},
            {"pixel_accuracy", accuracy, Better::kHigher, "pixels " + percent(accuracy)},
            {"loss", loss_.value(), Better::kLower, ""}};
  }

  std::string table() const override { return confusion_.table(names_); }

 private:
  const Segmentation& task_;
  const std::vector<std::string>& names_;
  Confusion confusion_;
  Mean loss_;
};

class Masks : public PredictionWriter {
 public:
  Masks(const PredictionOptions& options, int64_t classes) : folder_(options.folder) {
    std::vector<int64_t> numbers = options.mask_values;
    for (int64_t i = std::ssize(numbers); i < classes; ++i) numbers.push_back(i);
    largest_ = *std::ranges::max_element(numbers);
    numbers_ = at::tensor(numbers, at::kLong);
  }

  std::vector<std::string> columns() const override { return {"mask"}; }

  std::vector<std::string> cells(const at::Tensor& output, const std::string& name) const override {
    return {write_numbers(folder_, name, numbers_.index({output.argmax(0)}), largest_)};
  }

 private:
  std::string folder_;
  at::Tensor numbers_;  // Of each class.
  int64_t largest_;
};

}  // namespace

at::Tensor Segmentation::loss(const at::Tensor& output, const at::Tensor& target) const {
  const auto sum = torch::nn::functional::cross_entropy(output, target,
                                                        torch::nn::functional::CrossEntropyFuncOptions()
                                                            .ignore_index(kIgnored)
                                                            .label_smoothing(label_smoothing_)
                                                            .reduction(torch::kSum));
  // PyTorch's mean over no pixel is NaN, which would end in the weights.
  return sum / target.ne(kIgnored).sum().clamp_min(1);
}

std::unique_ptr<Evaluation> Segmentation::evaluation() const {
  return std::make_unique<SegmentationEvaluation>(*this, names_);
}

std::unique_ptr<PredictionWriter> Segmentation::prediction_writer(const PredictionOptions& options) const {
  return std::make_unique<Masks>(options, outputs());
}

}  // namespace millrace::training
