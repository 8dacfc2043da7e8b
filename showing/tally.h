#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "millrace/loader/columns.h"
#include "millrace/showing/statistics.h"

namespace millrace::showing {

/// Counts what is in batches whose pictures are Overviews, or any others. Not thread-safe.
class Tally {
 public:
  /// Counts all samples of a batch, which have these indices; those of streams have none.
  void add(const Columns& batch, int64_t samples, const std::vector<int64_t>& indices);

  /// Puts what was counted into statistics. `describe` says what the dataset calls a sample; null: nothing.
  void put_into(Statistics& statistics, const std::function<std::string(int64_t)>& describe) const;

 private:
  struct Channel {
    double values = 0;
    double sum = 0;
    double squares = 0;
  };
  struct Pictures {
    std::map<PictureSize, int64_t> sizes;
    std::vector<Channel> channels;
  };
  struct Numbers {
    std::string looks;
    double least = std::numeric_limits<double>::infinity();
    double most = -std::numeric_limits<double>::infinity();
    double sum = 0;
    double values = 0;  // How many finite ones.
    int64_t not_finite_samples = 0;
    int64_t first_not_finite = -1;
  };

  void add_picture(Pictures& pictures, const at::Tensor& field, int64_t sample);
  void add_mask(const Columns& batch, int64_t sample);
  Numbers& numbers_of(const std::string& column, const std::string& looks);
  void add_numbers(const std::string& column, const at::Tensor& values, const std::string& looks,
                   const std::vector<int64_t>& indices);
  void add_lengths(const std::string& column, const std::vector<int64_t>& lengths, const std::string& unit);
  void add_column(const Columns& batch, const Column& column, int64_t samples, const std::vector<int64_t>& indices);

  std::vector<std::string> order_;  // The columns as they came.
  std::map<std::string, Pictures> pictures_;
  std::map<std::string, Numbers> numbers_;
  std::map<int64_t, int64_t> classes_;
  std::array<int64_t, 256> mask_pixels_{};
};

}  // namespace millrace::showing
