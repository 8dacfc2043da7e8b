#include "millrace/training/tasks/regression.h"

#include <ATen/TensorOperators.h>
#include <torch/nn/functional/loss.h>

#include <cmath>
#include <cstdio>
#include <utility>

#include "millrace/training/tasks/mean.h"

namespace millrace::training {
namespace {

std::string measure_text(const char* name, double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%s %.4g", name, value);
  return text;
}

class RegressionEvaluation : public Evaluation {
 public:
  explicit RegressionEvaluation(Regression::Of of) : of_(of) {}

  void add(const at::Tensor& output, const at::Tensor& target) override {
    const auto difference = output.view_as(target) - target;
    absolute_.add(difference.abs().mean(), target.size(0));
    square_.add(difference.square().mean(), target.size(0));
  }

  std::vector<Measure> measures() const override {
    const double l1 = absolute_.value();
    const double mse = square_.value();
    std::vector<Measure> measures{{"l1", l1, Better::kLower, measure_text("mean error", l1)},
                                  {"mse", mse, Better::kLower, ""}};
    if (of_ == Regression::Of::kPictures) {
      const double psnr = -10 * std::log10(mse);
      measures.push_back({"psnr", psnr, Better::kHigher, measure_text("PSNR", psnr) + " dB"});
    }
    return measures;
  }

 private:
  Regression::Of of_;
  Mean absolute_;
  Mean square_;
};

// A column "prediction", or "prediction_1", "prediction_2", ... of several numbers.
class Numbers : public PredictionWriter {
 public:
  explicit Numbers(int64_t count) : count_(count) {}

  std::vector<std::string> columns() const override {
    if (count_ == 1) return {"prediction"};
    std::vector<std::string> columns;
    for (int64_t i = 1; i <= count_; ++i) columns.push_back("prediction_" + std::to_string(i));
    return columns;
  }

  std::vector<std::string> cells(const at::Tensor& output, const std::string&) const override {
    const auto numbers = output.flatten();
    std::vector<std::string> cells;
    for (int64_t i = 0; i < count_; ++i) cells.push_back(cell_of(numbers[i].item<double>()));
    return cells;
  }

 private:
  int64_t count_;
};

class Pictures : public PredictionWriter {
 public:
  explicit Pictures(std::string folder) : folder_(std::move(folder)) {}

  std::vector<std::string> columns() const override { return {"picture"}; }

  std::vector<std::string> cells(const at::Tensor& output, const std::string& name) const override {
    return {write_picture(folder_, name, (output.clamp(0, 1) * 255).round().to(at::kByte))};
  }

 private:
  std::string folder_;
};

}  // namespace

at::Tensor Regression::target(const Batch& batch) const {
  const auto& field = batch[field_];
  return field.scalar_type() == at::kByte ? field.to(at::kFloat) / 255 : field.to(at::kFloat);
}

at::Tensor Regression::loss(const at::Tensor& output, const at::Tensor& target) const {
  const auto given = output.view_as(target);
  return loss_ == Loss::kL1 ? torch::nn::functional::l1_loss(given, target)
                            : torch::nn::functional::mse_loss(given, target);
}

std::unique_ptr<Evaluation> Regression::evaluation() const { return std::make_unique<RegressionEvaluation>(of_); }

std::unique_ptr<PredictionWriter> Regression::prediction_writer(const PredictionOptions& options) const {
  if (of_ == Of::kPictures) return std::make_unique<Pictures>(options.folder);
  return std::make_unique<Numbers>(outputs_);
}

}  // namespace millrace::training
