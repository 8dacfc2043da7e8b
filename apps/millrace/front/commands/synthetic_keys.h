#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/own_types.h"
#include "millrace/configs/tables/description.h"
#include "millrace/configs/tables/key.h"

/// What a configuration may say of the datasets that measure the loader (apps/millrace/synthetic.h, bench/).
namespace millrace::apps {

struct FilledKeys {
  int64_t size = 0;
  int64_t fields = 1;
  std::string dtype = "float32";
  std::vector<int64_t> shape;

  static constexpr std::string_view kName = "filled";
  static constexpr std::string_view kMakes = "Filled";
  static constexpr std::string_view kAbout = "Tensors that cost nothing to make: large ones, or many a sample.";
  static constexpr auto keys() {
    using configs::tables::key;
    return configs::tables::list(
        key("size", &FilledKeys::size, "Samples an epoch.").required().at_least(1),
        key("fields", &FilledKeys::fields, "Tensors a sample: data, data1, data2.").at_least(1),
        key("dtype", &FilledKeys::dtype, "Their type.").one_of("uint8, int64, float32"),
        key("shape", &FilledKeys::shape, "The shape of each; each of its elements is the sample's number modulo 97.")
            .required());
  }
};

struct RowsKeys {
  int64_t size = 0;
  int64_t width = 0;
  uint64_t seed = 0;

  static constexpr std::string_view kName = "rows";
  static constexpr std::string_view kMakes = "Rows";
  static constexpr std::string_view kAbout = "Tiny samples: rows of a table of random numbers in memory.";
  static constexpr auto keys() {
    using configs::tables::key;
    return configs::tables::list(key("size", &RowsKeys::size, "Rows.").required().at_least(1),
                                 key("width", &RowsKeys::width, "Floats a row.").required().at_least(1),
                                 key("seed", &RowsKeys::seed, "Of the numbers."));
  }
};

struct NoiseJpegKeys {
  int64_t size = 0;
  int64_t different = 32;
  int64_t width = 640;
  int64_t height = 480;
  double entropy = 0.1;
  uint64_t seed = 0;

  static constexpr std::string_view kName = "noise_jpegs";
  static constexpr std::string_view kMakes = "NoiseJpegs";
  static constexpr std::string_view kAbout =
      "JPEG files in memory, of chosen size and entropy; transforms as for photos.";
  static constexpr auto keys() {
    using configs::tables::key;
    return configs::tables::list(
        key("size", &NoiseJpegKeys::size, "Samples an epoch.").required().at_least(1),
        key("different", &NoiseJpegKeys::different, "So many files are made, and read again and again.").at_least(1),
        key("width", &NoiseJpegKeys::width, "Pixels.").within(1, 16'384),
        key("height", &NoiseJpegKeys::height, "Pixels.").within(1, 16'384),
        key("entropy", &NoiseJpegKeys::entropy, "0: smooth ramps, small files; 0.1: as photos; 1: noise, large files.")
            .within(0, 1),
        key("seed", &NoiseJpegKeys::seed, "Of the noise."));
  }
};

struct VolumesKeys {
  std::string root;
  std::string array = "x";
  int64_t bytes = 0;

  static constexpr std::string_view kName = "volumes";
  static constexpr std::string_view kMakes = "Volumes";
  static constexpr std::string_view kAbout = "Files of .npz, of each of which an array of bytes is read, as DLIO does.";
  static constexpr auto keys() {
    using configs::tables::key;
    return configs::tables::list(
        key("root", &VolumesKeys::root, "The folder of the files.").required(),
        key("array", &VolumesKeys::array, "The array's name."),
        key("bytes", &VolumesKeys::bytes, "So many of its bytes are the sample.").required().at_least(1));
  }
};

/// All of them, for what is checked without LibTorch. Nobody who has data of their own is told of them.
inline std::vector<configs::OwnType> synthetic_types() {
  std::vector<configs::OwnType> types{configs::own_type<FilledKeys>(), configs::own_type<RowsKeys>(),
                                      configs::own_type<NoiseJpegKeys>(), configs::own_type<VolumesKeys>()};
  for (configs::OwnType& type : types) type.is_listed = false;
  return types;
}

/// All that a configuration of `millrace` may say, with these datasets.
inline std::vector<configs::tables::SectionDescription> describe_millrace_sections() {
  configs::OwnTypes own;
  own.datasets = synthetic_types();
  return configs::describe_sections(own);
}

}  // namespace millrace::apps
