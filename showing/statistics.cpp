#include "millrace/showing/statistics.h"

#include <algorithm>
#include <utility>

namespace millrace::showing {
namespace {

int64_t pixels_of(const PictureSize& size) { return int64_t{size.width} * size.height; }

}  // namespace

SizeRange range_of(const std::map<PictureSize, int64_t>& sizes) {
  std::vector<std::pair<PictureSize, int64_t>> sorted(sizes.begin(), sizes.end());
  std::ranges::stable_sort(sorted, {}, [](const auto& entry) { return pixels_of(entry.first); });
  int64_t count = 0;
  for (const auto& [size, pictures] : sorted) count += pictures;
  SizeRange range{sorted.front().first, {}, sorted.back().first};
  int64_t before = 0;
  for (const auto& [size, pictures] : sorted) {
    range.middle = size;
    if ((before += pictures) > (count - 1) / 2) break;
  }
  return range;
}

}  // namespace millrace::showing
