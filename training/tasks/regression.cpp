#include "millrace/training/tasks/regression.h"

#include <ATen/TensorOperators.h>
#include <torch/nn/functional/loss.h>

#include <cmath>
#include <cstdio>

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

}  // namespace millrace::training
