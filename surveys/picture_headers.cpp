#include "millrace/surveys/picture_headers.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "millrace/loader/images/header_reader.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::surveys {
namespace {

int short_side(const image::Size& size) { return std::min(size.height, size.width); }

}  // namespace

std::string side_by_side(const image::Size& size) {
  return std::to_string(size.width) + " x " + std::to_string(size.height);
}

PictureHeaders look_at_headers(const std::vector<std::string>& paths, const Looked& looked) {
  image::HeaderReader reader;
  return look_at_headers(
      static_cast<int64_t>(paths.size()), [&](size_t i) { return reader.read(paths[i]); },
      [&](size_t i) { return paths[i]; }, looked);
}

PictureHeaders look_at_headers(int64_t pictures, const std::function<image::Size(size_t)>& size_of,
                               const std::function<std::string(size_t)>& name_of, const Looked& looked) {
  PictureHeaders headers;
  std::vector<image::Size> sizes;
  for (int64_t i = 0; i < pictures; ++i) {
    const auto number = static_cast<size_t>(i);
    try {
      sizes.push_back(size_of(number));
    } catch (const std::exception& error) {
      if (headers.broken++ == 0) headers.first_broken = in_quotes(name_of(number)) + ": " + error.what();
    }
    looked(i + 1, pictures);
  }
  if (sizes.empty())
    throw std::runtime_error("none of " + counted(pictures, "file") + " is a picture that can be read, the first " +
                             headers.first_broken);
  headers.readable = static_cast<int64_t>(sizes.size());
  headers.one_size = std::all_of(sizes.begin(), sizes.end(), [&](const auto& size) { return size == sizes.front(); });
  std::ranges::sort(sizes, {}, [](const image::Size& size) {
    return std::pair(short_side(size), std::max(size.height, size.width));
  });
  headers.smallest = sizes.front();
  headers.middle = sizes[sizes.size() / 2];
  headers.largest = sizes.back();
  return headers;
}

void note_headers(const PictureHeaders& headers, Survey& survey) {
  constexpr int kSmall = 64;
  survey.pictures.short_side = short_side(headers.middle);
  // Where the first file may be broken, sizes have to be said by transforms.
  survey.pictures.one_size =
      headers.one_size && headers.broken == 0 && headers.middle.height <= kSmall && headers.middle.width <= kSmall;
  survey.has_broken = survey.has_broken || headers.broken > 0;
  survey.seen.push_back(headers.one_size
                            ? "all pictures are " + side_by_side(headers.middle) + " pixels"
                            : "pictures of " + side_by_side(headers.smallest) + " to " + side_by_side(headers.largest) +
                                  " pixels, " + side_by_side(headers.middle) + " in the middle");
  if (headers.broken > 0)
    survey.seen.push_back(std::to_string(headers.broken) + " cannot be read, the first " + headers.first_broken);
}

}  // namespace millrace::surveys
