#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What people who come from PyTorch, torchvision, torch::data and other programs write.
namespace millrace::configs {

/// A key or word as names are compared that are written in different ways: without the namespaces before it, arguments
/// behind it, capitals, and what stands between its parts. RandomResizedCrop, transforms.random-resized-crop and
/// RandomResizedCrop(224) are random_resized_crop.
std::string folded(std::string_view word);

/// Our words for what others call `word`: num_workers for workers. None where the word is not known.
std::vector<std::string> synonyms(std::string_view word);

/// What to do instead of a transform, dataset or key of others that has no counterpart here; "" for any other word.
std::string advice(std::string_view word);

}  // namespace millrace::configs
