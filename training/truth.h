#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/loader/batch.h"
#include "millrace/training/data.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// What a model should say of the samples of a split, as far as that is known: from the field that training learned, or
/// from the folders that pictures lie in, which may be named as classes. Immutable.
class Truth {
 public:
  /// `trained_on`: the data of training. `classes`: the names of the model's classes, by number; of other tasks none.
  /// `folder`: where the split's pictures lie, one folder a class or not; "" where they are not from one.
  Truth(const Task& task, const DataFacts& trained_on, std::vector<std::string> classes, const Split& split,
        std::string folder);

  /// Whether anything may be known.
  bool may_be_known() const { return has_field_ || !folder_.empty(); }

  /// The task's target of a batch, whose samples have these paths, on the CPU. Classes are int64 {samples}, in the
  /// model's numbers, with -1 for what is unknown. REQUIRES: may_be_known().
  at::Tensor of(const Batch& batch, const std::vector<std::string>& paths) const;

 private:
  int64_t number_of(const std::string& name) const;
  at::Tensor by_folders(const std::vector<std::string>& paths) const;
  at::Tensor in_own_numbers(const at::Tensor& labels) const;

  const Task& task_;
  std::vector<std::string> classes_;
  std::vector<std::string> split_classes_;
  std::string folder_;
  bool has_field_;
};

}  // namespace millrace::training
