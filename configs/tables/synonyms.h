#pragma once

#include <span>
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

/// A key that others have at the top of their files, folded, and where it stands here: "optimizer.lr" for lr.
struct Misplaced {
  std::string_view theirs;
  std::string_view place;
};
std::span<const Misplaced> misplaced_words();

/// The place of such a key; "" for any other word.
std::string place_of_misplaced(std::string_view word);

/// What to do instead of a transform, dataset or key of others that has no counterpart here; "" for any other word.
std::string advice(std::string_view word);

}  // namespace millrace::configs
