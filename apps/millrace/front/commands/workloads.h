#pragma once

#include <cstdint>
#include <string_view>

namespace millrace::apps {

/// A workload of MLPerf Storage (v1.0 and v2.0, closed division) on an H100: what a training step asks of the input
/// path, as the configurations of DLIO that come with the benchmark say it.
struct Workload {
  std::string_view name;
  int64_t batch_size;      ///< Samples a step.
  double sample_bytes;     ///< Of a sample on disk, the mean.
  double deviation_bytes;  ///< Its standard deviation.
  double step_ms;
  double utilisation;        ///< The share of its time that the accelerator is to be at work, at least.
  int64_t samples_per_file;  ///< As published.
  int64_t files;             ///< By default: enough for a batch, and no more than disks have room for.
};

inline constexpr Workload kWorkloads[] = {
    {"resnet50-h100", 400, 114'660, 0, 224, 0.90, 1251, 1},
    {"unet3d-h100", 7, 146'600'628, 68'341'808, 323, 0.90, 1, 7},
    {"cosmoflow-h100", 1, 2'828'486, 71'311, 3.5, 0.70, 1, 32},
    {"retinanet-h100", 16, 153'600, 51'200, 180, 0.85, 1, 256},
};

/// Null for a name that is none.
constexpr const Workload* find_workload(std::string_view name) {
  for (const Workload& workload : kWorkloads)
    if (workload.name == name) return &workload;
  return nullptr;
}

}  // namespace millrace::apps
