#include "millrace/training/tasks/classification.h"

#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <utility>

#include "millrace/training/tasks/confusion.h"
#include "millrace/training/tasks/mean.h"
#include "millrace/training/tasks/percent.h"

namespace millrace::training {
namespace {

class ClassificationEvaluation : public Evaluation {
 public:
  ClassificationEvaluation(const Classification& task, const std::vector<std::string>& names)
      : task_(task), names_(names), confusion_(static_cast<int64_t>(names.size())) {}

  void add(const at::Tensor& output, const at::Tensor& target) override {
    confusion_.add(output.argmax(1), target);
    loss_.add(task_.loss(output, target), target.size(0));
    if (!has_first_five()) return;
    const auto first = std::get<1>(output.topk(kFirst, 1));
    among_first_.add(first.eq(target.unsqueeze(1)).any(1).to(at::kDouble).mean(), target.size(0));
  }

  std::vector<Measure> measures() const override {
    const double accuracy = confusion_.accuracy();
    std::vector<Measure> measures{{"accuracy", accuracy, Better::kHigher, "accuracy " + percent(accuracy)}};
    if (has_first_five())
      measures.push_back(
          {"accuracy_top5", among_first_.value(), Better::kHigher, "top 5 " + percent(among_first_.value())});
    measures.push_back({"loss", loss_.value(), Better::kLower, ""});
    return measures;
  }

  std::string table() const override { return confusion_.table(names_); }

 private:
  static constexpr int64_t kFirst = 5;

  // Where there are no more classes, they are all among the first.
  bool has_first_five() const { return std::ssize(names_) > kFirst; }

  const Classification& task_;
  const std::vector<std::string>& names_;
  Confusion confusion_;
  Mean loss_;
  Mean among_first_;
};

// Columns "prediction", "probability", and the same with _2, _3, ... for the next.
class LikeliestClasses : public PredictionWriter {
 public:
  LikeliestClasses(const std::vector<std::string>& names, int64_t top)
      : names_(names), top_(std::min<int64_t>(top, std::ssize(names))) {}

  std::vector<std::string> columns() const override {
    std::vector<std::string> columns{"prediction", "probability"};
    for (int64_t place = 2; place <= top_; ++place)
      for (const char* head : {"prediction_", "probability_"}) columns.push_back(head + std::to_string(place));
    return columns;
  }

  std::vector<std::string> cells(const at::Tensor& output, const std::string&) const override {
    const auto [probabilities, classes] = output.softmax(0).topk(top_);
    std::vector<std::string> cells;
    for (int64_t i = 0; i < top_; ++i) {
      cells.push_back(names_[static_cast<size_t>(classes[i].item<int64_t>())]);
      cells.push_back(cell_of(probabilities[i].item<double>()));
    }
    return cells;
  }

 private:
  const std::vector<std::string>& names_;
  int64_t top_;
};

}  // namespace

at::Tensor Classification::loss(const at::Tensor& output, const at::Tensor& target) const {
  return torch::nn::functional::cross_entropy(
      output, target, torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(label_smoothing_));
}

std::unique_ptr<Evaluation> Classification::evaluation() const {
  return std::make_unique<ClassificationEvaluation>(*this, names_);
}

std::unique_ptr<PredictionWriter> Classification::prediction_writer(const PredictionOptions& options) const {
  return std::make_unique<LikeliestClasses>(names_, options.top);
}

}  // namespace millrace::training
