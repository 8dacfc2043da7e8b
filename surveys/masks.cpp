#include "millrace/surveys/masks.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "millrace/loader/images/datasets/image_file.h"
#include "millrace/loader/images/decode.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::surveys {

int64_t classes_of_masks(const std::vector<std::string>& paths) {
  constexpr size_t kMost = 500;
  constexpr int kNoClass = 255;
  int largest = 0;
  for (size_t i = 0; i < paths.size(); i += 1 + paths.size() / kMost) {
    try {
      for (const int value : image::decode_numbers(detail::read_file(paths[i], {})).values)
        if (value != kNoClass) largest = std::max(largest, value);
    } catch (const std::exception& error) {
      throw std::runtime_error("cannot read mask " + in_quotes(paths[i]) + ": " + error.what());
    }
  }
  return int64_t{largest} + 1;
}

}  // namespace millrace::surveys
