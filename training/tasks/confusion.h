#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::training {

/// How often each class was taken for each other. Counts on the device of what it is fed, and is read at the end.
class Confusion {
 public:
  explicit Confusion(int64_t classes) : classes_(classes) {}

  /// Class numbers of one shape; pairs whose `target` is not 0 to classes - 1 are left out.
  void add(const at::Tensor& guess, const at::Tensor& target);

  /// {classes, classes} int64 on the CPU: row target, column guess.
  at::Tensor counts() const;

  /// The share of right guesses, 0 without any.
  double accuracy() const;

  /// For each class, intersection over union; NaN for one that is neither there nor guessed.
  std::vector<double> intersections_over_unions() const;

  /// CSV: a row a class with its number of targets, precision, recall, intersection over union and the counts of its
  /// guesses.
  std::string table(const std::vector<std::string>& names) const;

 private:
  int64_t classes_;
  at::Tensor counts_;
};

/// A field of CSV: in quotes where it has to be.
std::string csv_field(const std::string& text);

}  // namespace millrace::training
