#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::training {

/// What is to be told of a prediction.
struct PredictionOptions {
  int64_t top = 1;     ///< So many of the likeliest classes.
  std::string folder;  ///< Where predictions that are pictures are written.

  /// The number that each class has in masks; classes beyond have their own. A Predictor takes those of the run.
  std::vector<int64_t> mask_values = {};
};

/// Makes the cells of a table of what a model gave. Not thread-safe.
class PredictionWriter {
 public:
  virtual ~PredictionWriter() = default;

  /// The heads of the columns.
  virtual std::vector<std::string> columns() const = 0;

  /// The cells of one sample, one for each column. `output`: what the model gave for it, float32 on the CPU, without
  /// the batch's dimension. A prediction that is a picture becomes the file `name`.png in the folder, and its cell is
  /// that path; `name` may have folders in it, which are made. Throws SyscallError for what cannot be written.
  virtual std::vector<std::string> cells(const at::Tensor& output, const std::string& name) const = 0;
};

/// A number for people and programs: "0.9375".
std::string cell_of(double value);

/// Writes planes uint8 {1 or 3, height, width} as `name`.png in the folder, and gives the path.
std::string write_picture(const std::string& folder, const std::string& name, const at::Tensor& planes);

/// The same of numbers int64 {height, width} from 0 to 65535: a gray picture of 8 bits, or of 16 where `largest`, which
/// no number is above, needs them.
std::string write_numbers(const std::string& folder, const std::string& name, const at::Tensor& numbers,
                          int64_t largest);

}  // namespace millrace::training
