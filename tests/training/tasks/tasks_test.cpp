// What is measured of models, by hand.
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "millrace/training/tasks/classification.h"
#include "millrace/training/tasks/confusion.h"
#include "millrace/training/tasks/regression.h"
#include "millrace/training/tasks/segmentation.h"

namespace millrace::training::tasks_test {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

std::map<std::string, double> measures_of(const Evaluation& evaluation) {
  std::map<std::string, double> measures;
  for (const Measure& measure : evaluation.measures()) measures[measure.name] = measure.value;
  return measures;
}

at::Tensor one_hot_logits(const std::vector<int64_t>& guesses, int64_t classes) {
  auto logits = at::zeros({static_cast<int64_t>(guesses.size()), classes});
  for (size_t i = 0; i < guesses.size(); ++i) logits[static_cast<int64_t>(i)][guesses[i]] = 9;
  return logits;
}

TEST(Segmentation, LossIsTheMeanOverPixelsOfAClassAndZeroWithoutAny) {
  const Segmentation task("mask", {"sky", "sea"}, /*label_smoothing=*/0);
  const auto output = torch::zeros({1, 2, 1, 2}).requires_grad_();
  EXPECT_NEAR(task.loss(output, torch::tensor({1, 255}).view({1, 1, 2})).item<double>(), std::log(2), 1e-6);
  const auto nothing = task.loss(output, torch::tensor({255, 255}).view({1, 1, 2}));
  EXPECT_EQ(nothing.item<double>(), 0);
  nothing.backward();
  EXPECT_EQ(output.grad().abs().sum().item<double>(), 0);
}

TEST(Confusion, CountsWhatWasTakenForWhat) {
  Confusion confusion(3);
  confusion.add(torch::tensor({0, 1, 2}), torch::tensor({0, 0, 2}));
  confusion.add(torch::tensor({1, 1}), torch::tensor({1, 255}));
  EXPECT_TRUE(confusion.counts().equal(torch::tensor({{1, 1, 0}, {0, 1, 0}, {0, 0, 1}})));
  EXPECT_DOUBLE_EQ(confusion.accuracy(), 0.75);
  const auto ious = confusion.intersections_over_unions();
  EXPECT_THAT(ious, ElementsAre(DoubleNear(0.5, 1e-12), DoubleNear(0.5, 1e-12), DoubleNear(1, 1e-12)));
}

TEST(Confusion, HasARowForEachClass) {
  Confusion confusion(2);
  confusion.add(torch::tensor({0, 1, 1}), torch::tensor({0, 0, 1}));
  EXPECT_EQ(confusion.table({"cat", "a, b"}),
            "class,samples,precision,recall,iou,as cat,\"as a, b\"\n"
            "cat,2,1.0000,0.5000,0.5000,1,1\n"
            "\"a, b\",1,0.5000,1.0000,0.5000,0,1\n");
}

TEST(Confusion, OfNothingHasNoRates) {
  const Confusion confusion(1);
  EXPECT_EQ(confusion.accuracy(), 0);
  EXPECT_TRUE(std::isnan(confusion.intersections_over_unions().at(0)));
  EXPECT_EQ(confusion.table({"cat"}), "class,samples,precision,recall,iou,as cat\ncat,0,,,,0\n");
}

TEST(ClassificationTask, MeasuresTheFirstAndTheFirstFiveGuesses) {
  const Classification task("label", {"a", "b", "c", "d", "e", "f"}, 0);
  const auto evaluation = task.evaluation();
  // The sixth guess of the third sample is its class.
  auto logits = one_hot_logits({0, 1, 0}, 6);
  logits[2][5] = -9;
  evaluation->add(logits, torch::tensor({0, 0, 5}));
  const auto measures = measures_of(*evaluation);
  EXPECT_NEAR(measures.at("accuracy"), 1.0 / 3, 1e-12);
  EXPECT_NEAR(measures.at("accuracy_top5"), 2.0 / 3, 1e-12);
  EXPECT_EQ(evaluation->measures().front().text, "accuracy 33.33 %");
  EXPECT_EQ(measures_of(*Classification("label", {"a", "b"}, 0).evaluation()).count("accuracy_top5"), 0U);
}

TEST(ClassificationTask, SmoothsLabelsAndTakesMixedOnes) {
  const Classification plain("label", {"a", "b"}, 0), smooth("label", {"a", "b"}, 0.2);
  const auto logits = torch::tensor({{2.0, 0.0}});
  const double right = std::log1p(std::exp(-2.0));
  EXPECT_NEAR(plain.loss(logits, torch::tensor({0})).item<double>(), right, 1e-6);
  EXPECT_NEAR(smooth.loss(logits, torch::tensor({0})).item<double>(), 0.9 * right + 0.1 * (right + 2), 1e-6);
  EXPECT_NEAR(plain.loss(logits, torch::tensor({{0.5, 0.5}})).item<double>(), right + 1, 1e-6);
}

TEST(SegmentationTask, LeavesIgnoredPixelsOut) {
  const Segmentation task("mask", {"ground", "thing"}, 0);
  auto logits = at::zeros({1, 2, 1, 3});
  logits.select(1, 1).fill_(9);  // All a thing.
  const auto target = torch::tensor({1, 0, 255}).view({1, 1, 3});
  const auto evaluation = task.evaluation();
  evaluation->add(logits, target);
  const auto measures = measures_of(*evaluation);
  EXPECT_NEAR(measures.at("pixel_accuracy"), 0.5, 1e-12);
  EXPECT_NEAR(measures.at("mean_iou"), (0.0 + 0.5) / 2, 1e-12);
  const double expected = (std::log1p(std::exp(-9.0)) + 9 + std::log1p(std::exp(-9.0))) / 2;
  EXPECT_NEAR(task.loss(logits, target).item<double>(), expected, 1e-5);
}

TEST(ClassificationTask, FindsTheFirstLabelThatIsNoClass) {
  const Classification task("label", {"a", "b"}, /*label_smoothing=*/0);
  EXPECT_EQ(task.find_wrong_class(torch::tensor({0, 1, -100})), std::nullopt);
  EXPECT_EQ(task.find_wrong_class(torch::tensor({0, 2, 9})), (WrongClass{1, 2}));
  EXPECT_EQ(task.find_wrong_class(torch::tensor({-1, 1})), (WrongClass{0, -1}));
  EXPECT_EQ(task.find_wrong_class(at::zeros({0}, at::kLong)), std::nullopt);
}

TEST(SegmentationTask, FindsTheFirstPixelThatIsNoClass) {
  const Segmentation task("mask", {"sky", "sea"}, /*label_smoothing=*/0);
  EXPECT_EQ(task.find_wrong_class(torch::tensor({0, 1, 255, 1}).view({2, 1, 2})), std::nullopt);
  EXPECT_EQ(task.find_wrong_class(torch::tensor({0, 1, 1, 7}).view({2, 1, 2})), (WrongClass{1, 7}));
}

TEST(RegressionTask, MeasuresDifferencesAndTheirSquares) {
  const Regression task("label", Regression::Of::kNumbers, 1, Regression::Loss::kMse);
  const auto evaluation = task.evaluation();
  evaluation->add(torch::tensor({{1.0}, {3.0}}), torch::tensor({2.0, 5.0}));
  const auto measures = measures_of(*evaluation);
  EXPECT_DOUBLE_EQ(measures.at("l1"), 1.5);
  EXPECT_DOUBLE_EQ(measures.at("mse"), 2.5);
  EXPECT_EQ(measures.count("psnr"), 0U) << "of pictures alone";
  EXPECT_DOUBLE_EQ(task.loss(torch::tensor({{1.0}, {3.0}}), torch::tensor({2.0, 5.0})).item<double>(), 2.5);
}

TEST(RegressionTask, TellsThePeakSignalToNoiseRatioOfPictures) {
  const auto evaluation = Regression("target", Regression::Of::kPictures, 3, Regression::Loss::kL1).evaluation();
  evaluation->add(at::full({1, 3, 2, 2}, 0.6), at::full({1, 3, 2, 2}, 0.5));
  EXPECT_NEAR(measures_of(*evaluation).at("psnr"), 20, 1e-4);
}

}  // namespace
}  // namespace millrace::training::tasks_test
