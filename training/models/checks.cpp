#include "millrace/training/models/checks.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/counted.h"

namespace millrace::training::detail {

void require_positive(std::string_view option, int64_t value) {
  if (value < 1)
    throw std::invalid_argument(std::string(option) + ": expected at least 1, found " + std::to_string(value));
}

void require_share(std::string_view option, double value) {
  if (!(value >= 0 && value <= 1))
    throw std::invalid_argument(std::string(option) + ": expected a number from 0 to 1, found " +
                                std::to_string(value));
}

void require_widths(std::string_view option, const std::vector<int64_t>& widths) {
  if (widths.empty()) throw std::invalid_argument(std::string(option) + ": expected at least one number of channels");
  for (const int64_t width : widths) require_positive(option, width);
}

void require_multiple(std::string_view option, int64_t value, std::string_view divided_by, int64_t divisor) {
  if (value % divisor != 0)
    throw std::invalid_argument(std::string(option) + ": " + std::to_string(value) + " is no multiple of " +
                                std::string(divided_by) + ", which is " + std::to_string(divisor));
}

void require_halvings(std::string_view option, size_t halvings, int64_t side) {
  constexpr size_t kBits = 63;
  if (side >> std::min(halvings, kBits) == 0)
    throw std::invalid_argument(std::string(option) + ": halving pictures of " + counted(side, "pixel") + " " +
                                counted(halvings, "time") + " leaves nothing; use fewer or larger pictures");
}

}  // namespace millrace::training::detail
