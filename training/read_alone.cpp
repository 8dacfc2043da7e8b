#include "millrace/training/read_alone.h"

#include <algorithm>

#include "millrace/configs/document.h"
#include "millrace/loader/errors.h"

namespace millrace::training {

std::string in_order_of(std::span<const int64_t> samples) {
  std::string indices;
  for (const int64_t sample : samples) indices += (indices.empty() ? "" : ", ") + std::to_string(sample);
  return "sampler={type: sequence, indices: [" + indices + "]}";
}

void read_alone(const configs::Node& pipeline, const LoadingOptions& loading, const std::vector<int64_t>& samples,
                const AloneRead& read) {
  for (size_t begin = 0; begin < samples.size(); begin += kMostListed) {
    const auto part = std::span(samples).subspan(begin, std::min(kMostListed, samples.size() - begin));
    const Split alone = open_split(
        configs::load(pipeline.value(), {in_order_of(part), "loader.batch_size=1", "loader.on_error=raise"}), loading);
    for (const int64_t sample : part) {
      if (read.go_on && !read.go_on()) return;
      try {
        if (const auto batch = alone.loader->next()) read.take(*batch);
      } catch (const SampleError& error) {
        read.fail(sample, error.message());
      } catch (const WorkerDied& error) {
        read.fail(sample, error.what());
      }
    }
  }
}

}  // namespace millrace::training
