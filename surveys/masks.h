#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::surveys {

/// How many classes the masks of these files have: the largest number in them and one; 255 stands for no class. Of
/// many masks some are read, evenly spread. Throws std::runtime_error for a file that is no mask.
int64_t classes_of_masks(const std::vector<std::string>& paths);

}  // namespace millrace::surveys
