#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/sample_row.h"

/// Datasets that cost next to nothing to read, so that a measurement shows the loader.
namespace millrace::apps {

/// A dataset of one field, "data", or of several, "data", "data1", "data2": every element of sample i is i % 97.
class Filled {
 public:
  Filled() = default;

  /// Throws std::invalid_argument when size, fields or a dimension is not positive, or dtype is not uint8, int64 or
  /// float32.
  Filled(int64_t size, c10::ScalarType dtype, std::vector<int64_t> shape, int64_t fields = 1);

  SampleSpec spec() const;
  size_t size() const { return static_cast<size_t>(size_); }
  void read(size_t index, SampleRow& row, SampleContext& context) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size_, dtype_, shape_, fields_);
  }

 private:
  int64_t size_ = 0;
  c10::ScalarType dtype_ = c10::ScalarType::Float;
  std::vector<int64_t> shape_;
  int64_t fields_ = 1;
};

/// A table in memory: sample i is row i of it, "data" (float32, one row of the table) and "label" (int64, i). The table
/// is uniform noise from a seed.
class Rows {
 public:
  Rows() = default;

  /// Throws std::invalid_argument when size or width is not positive, OutOfSharedMemory when the table is too large.
  Rows(int64_t size, int64_t width, uint64_t seed);

  SampleSpec spec() const { return {{"data", c10::ScalarType::Float, {width_}}, {"label", c10::ScalarType::Long, {}}}; }
  size_t size() const { return static_cast<size_t>(size_); }
  void read(size_t index, SampleRow& row, SampleContext& context) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size_, width_, table_);
  }

 private:
  int64_t size_ = 0;
  int64_t width_ = 0;
  millrace::detail::SharedBytes table_;  // float.
};

}  // namespace millrace::apps
