#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/loader/batch.h"
#include "millrace/loader/sample_row.h"
#include "millrace/training/tasks/prediction_writer.h"
#include "millrace/training/tasks/wrong_class.h"

namespace millrace::training {

enum class Better { kHigher, kLower };

/// One number that says how good a model is.
struct Measure {
  std::string name;  ///< "accuracy", for columns and curves.
  double value = 0;
  Better better = Better::kHigher;
  std::string text;  ///< For people: "accuracy 81.25 %".
};

/// What is measured of a model over a split: fed batch by batch, asked at the end.
class Evaluation {
 public:
  virtual ~Evaluation() = default;

  /// What the model gave for a batch, and what it should have given.
  virtual void add(const at::Tensor& output, const at::Tensor& target) = 0;

  /// Of all that was added; the first one decides which model is the best.
  virtual std::vector<Measure> measures() const = 0;

  /// More, as CSV: a row a class, a confusion matrix. Empty where there is nothing more to say.
  virtual std::string table() const { return {}; }
};

/// What is learned: which field of a batch is to be given, what is wrong with what the model gives, and how that is
/// measured. One file a task, in tasks/. Immutable.
class Task {
 public:
  virtual ~Task() = default;

  virtual std::string_view name() const = 0;

  /// What the last layer of the model has to give: numbers a sample, or channels.
  virtual int64_t outputs() const = 0;

  /// Of a batch, on the device where it is.
  virtual at::Tensor target(const Batch& batch) const = 0;

  /// The mean over the samples. Classes may come as {samples, classes} shares where batches were mixed.
  virtual at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const = 0;

  virtual std::unique_ptr<Evaluation> evaluation() const = 0;

  /// What writes down the predictions of a model.
  virtual std::unique_ptr<PredictionWriter> prediction_writer(const PredictionOptions& options) const = 0;

  /// Whether the targets are class numbers, which MixUp and CutMix can mix.
  virtual bool has_classes() const { return false; }

  /// The first number in a batch's field of targets that is no class of the task; nothing where all are, or it has
  /// none. Waits for the device that has the field.
  virtual std::optional<WrongClass> find_wrong_class(const at::Tensor& /*field*/) const { return std::nullopt; }

  /// What the model has to give for a sample with such a target, without the batch's dimension.
  virtual std::vector<int64_t> output_shape(const FieldSpec& target) const = 0;
};

}  // namespace millrace::training
