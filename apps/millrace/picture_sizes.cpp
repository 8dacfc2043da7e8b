#include "millrace/apps/millrace/picture_sizes.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "millrace/configs/build.h"
#include "millrace/loader/images/header_reader.h"
#include "millrace/loader/images/transforms/chain.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::apps {
namespace {

constexpr int64_t kMostLooks = 4096;
constexpr int64_t kEnoughMisses = 8;  // Behind so many that are no pictures at the beginning, none is expected.
constexpr auto kLongest = std::chrono::seconds(2);

// A picture's file, its size, and the size that transforms make of it.
struct Seen {
  std::string path;
  image::Size in;
  image::Size out;
};

// Whether a key is set in a section or in one below it.
bool says(const configs::Value& section, const std::string& key) {
  const auto says_too = [&](const configs::Value& part) { return says(part, key); };
  return section.find(key) != nullptr || std::ranges::any_of(section.elements, says_too) ||
         std::ranges::any_of(section.members, says_too, &configs::Member::value);
}

// Whether headers say what a batch is made of: not where pictures may be left out, or are turned as a camera says.
bool is_told_by_headers(const configs::Node& pipeline) {
  const auto loader = pipeline.find("loader");
  const auto on_error = loader ? loader->find("on_error") : std::nullopt;
  const bool leaves_out = pipeline.find("sampler") || (on_error && on_error->value().text != "raise");
  return !leaves_out && !says(pipeline["dataset"].value(), "orientation");
}

std::string text(const Seen& seen) {
  return in_quotes(seen.path) + " (" + to_string(seen.in) + ") as " + to_string(seen.out);
}

}  // namespace

void require_one_size(const configs::Node& pipeline, const configs::TransformTypes& types, const SampleFiles& samples) {
  if (!is_told_by_headers(pipeline)) return;
  const auto transforms = pipeline.find("transforms");
  const auto chain = configs::read_transforms(transforms, types);
  if (!samples.file_of || chain.fixed_size()) return;
  const Deadline deadline(kLongest);
  image::HeaderReader reader;
  std::optional<Seen> first;
  const int64_t looks = std::min(samples.count, kMostLooks);
  for (int64_t look = 0; look < looks && !deadline.passed(); ++look) {
    if (!first && look == kEnoughMisses) return;
    const std::string path = samples.file_of(look * samples.count / looks);
    const auto size = reader.try_read(path);
    if (!size) continue;  // A broken file is told when it is read.
    const Seen seen{path, *size, chain.output_size(*size)};
    if (!first) first = seen;
    if (seen.out == first->out) continue;
    throw(transforms ? *transforms : pipeline["dataset"])
        .error("pictures come out with several sizes, and those of a batch need one: " + text(*first) + ", " +
               text(seen) + " (height x width); set both sides, as resize: {size: [" +
               std::to_string(first->out.height) + ", " + std::to_string(first->out.width) +
               "]} or center_crop and random_resized_crop do");
  }
}

}  // namespace millrace::apps
