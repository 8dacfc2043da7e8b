#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "millrace/configs/node.h"
#include "millrace/configs/transform_types.h"

namespace millrace::apps {

/// The samples of a dataset, and the file of the picture of each.
struct SampleFiles {
  int64_t count = 0;
  const std::function<std::string(int64_t index)>& file_of;
};

/// Throws ConfigError at `transforms` of a pipeline, or at `dataset` without any, where pictures come out of it with
/// more than one size, which no batch can hold. Reads headers of files and no pixels: of 4,096 evenly spread samples,
/// for two seconds at most. What is no file of a picture is passed over, members of shards among it; of a pair the
/// first one stands for both. Looks at nothing where `on_error` or a sampler may leave pictures out, and where
/// `orientation` turns them.
void require_one_size(const configs::Node& pipeline, const configs::TransformTypes& types, const SampleFiles& samples);

}  // namespace millrace::apps
