#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/records/metric.h"

namespace millrace::records {

/// The messages in TensorBoard's event files, as the bytes of their `tensorflow.Event` (event.proto and summary.proto
/// of TensorBoard). `wall_time` is in seconds since 1970. Tags with the same beginning up to a '/' stand together.

/// The first event of every file: how the others are to be read.
std::string version_event(double wall_time);

/// A program goes on with `first_step`: what files before this one have of this step and of later ones counts no more.
std::string start_event(double wall_time, int64_t first_step);

/// Numbers, which are kept as floats.
std::string scalars_event(double wall_time, int64_t step, const std::vector<Metric>& scalars);

/// `text` is Markdown.
std::string text_event(double wall_time, int64_t step, std::string_view tag, std::string_view text);

/// A picture as the bytes of a PNG file; its size in pixels, and how many channels it has: 1 or 3.
struct EncodedImage {
  int height = 0;
  int width = 0;
  int channels = 0;
  std::string_view png;
};

std::string image_event(double wall_time, int64_t step, std::string_view tag, const EncodedImage& image);

}  // namespace millrace::records
