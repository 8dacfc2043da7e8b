#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

/// Checks of the options of models. All throw std::invalid_argument that begins with the option's name.
namespace millrace::training::detail {

/// Requires a value of at least 1.
void require_positive(std::string_view option, int64_t value);

/// Requires a number from 0 to 1.
void require_share(std::string_view option, double value);

/// Requires at least one number, and each positive.
void require_widths(std::string_view option, const std::vector<int64_t>& widths);

/// Requires that `value` is a multiple of `divisor`, which is `divided_by`'s value: both are options of a model.
void require_multiple(std::string_view option, int64_t value, std::string_view divided_by, int64_t divisor);

/// Requires that a picture's shorter side, in pixels, can be halved so often.
void require_halvings(std::string_view option, size_t halvings, int64_t side);

}  // namespace millrace::training::detail
