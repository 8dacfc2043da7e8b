#pragma once

#include <string>

namespace millrace::configs {

/// A message that speaks of transforms, datasets and the like in words of C++, as YAML has them: Resize({64, 108}) is
/// resize: {size: [64, 108]}, RandomResizedCrop is random_resized_crop, ImageFolder is image_folder, and {low, high} is
/// [low, high]. Types of errors, "std::runtime_error: ", are left out. Paths and quoted texts stay as they are.
std::string in_yaml_words(const std::string& message);

}  // namespace millrace::configs
