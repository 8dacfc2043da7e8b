#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::showing {

/// A sample that cannot be read.
struct Broken {
  int64_t index = -1;
  std::string name;  ///< What the dataset calls it; "" where it calls it nothing.
  std::string error;
};

struct PictureSize {
  int width = 0;
  int height = 0;

  auto operator<=>(const PictureSize&) const = default;
};

/// The values of one channel of all pictures, of 0 to 255.
struct ChannelValues {
  double mean = 0;
  double deviation = 0;
};

/// Pictures as they are in their files.
struct PictureStatistics {
  std::string column;                    ///< "image", "data", "target".
  std::map<PictureSize, int64_t> sizes;  ///< How many pictures have which.
  std::vector<ChannelValues> channels;
};

/// Numbers of a column, over all samples. NaN and infinite ones are counted apart.
struct NumberStatistics {
  std::string column;
  std::string looks;  ///< "Long [1024]".
  double finite = 0;  ///< How many the next three are of.
  double least = 0;
  double most = 0;
  double mean = 0;
  int64_t not_finite_samples = 0;  ///< How many samples have NaN or infinite numbers.
  std::string first_not_finite;    ///< The name_of() the first of them.
};

/// What a dataset is made of.
struct Statistics {
  std::optional<int64_t> samples;  ///< Of the dataset; nothing where it does not know.
  int64_t asked = 0;               ///< How many were to be read.
  int64_t read = 0;                ///< How many were.
  int64_t broken_count = 0;
  std::vector<Broken> broken;  ///< Those, kMostBroken at most.
  bool is_stopped = false;     ///< Whether it was stopped before the end.
  std::vector<std::string> class_names;
  std::map<int64_t, int64_t> classes;  ///< How many samples have which label; empty where there are none.
  std::vector<PictureStatistics> pictures;
  std::map<int64_t, double> mask_shares;  ///< About which share of all masks' pixels has which value.
  std::vector<NumberStatistics> numbers;

  static constexpr int64_t kMostBroken = 1000;
};

/// Sizes by their pixels: those of the smallest picture, of the one in the middle and of the largest.
struct SizeRange {
  PictureSize least, middle, most;
};

/// REQUIRES: some picture.
SizeRange range_of(const std::map<PictureSize, int64_t>& sizes);

}  // namespace millrace::showing
