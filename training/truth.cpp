#include "millrace/training/truth.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <utility>

#include "millrace/training/settings.h"

namespace millrace::training {
namespace {

constexpr int64_t kUnknown = -1;

// Whether samples have the field that training learned.
bool has_target(const SampleSpec& spec, const SampleSpec& trained_on) {
  const FieldSpec* target = target_field(trained_on);
  return target != nullptr && std::find(spec.fields.begin(), spec.fields.end(), *target) != spec.fields.end();
}

// "dress" of "photos/dress/1.jpg" in the folder "photos"; of a path that is not in there something that is no class.
std::string first_folder(const std::string& path, const std::string& folder) {
  const auto inside = std::filesystem::path(path).lexically_relative(folder);
  return inside.empty() ? "" : inside.begin()->string();
}

}  // namespace

Truth::Truth(const Task& task, const DataFacts& trained_on, std::vector<std::string> classes, const Split& split,
             std::string folder)
    : task_(task),
      classes_(std::move(classes)),
      split_classes_(split.classes),
      folder_(classes_.empty() ? "" : std::move(folder)),
      has_field_(has_target(split.spec, trained_on.spec)) {}

at::Tensor Truth::of(const Batch& batch, const std::vector<std::string>& paths) const {
  if (!has_field_) return by_folders(paths);
  const auto target = task_.target(batch).cpu();
  return classes_.empty() ? target : in_own_numbers(target);
}

int64_t Truth::number_of(const std::string& name) const {
  const auto found = std::find(classes_.begin(), classes_.end(), name);
  return found == classes_.end() ? kUnknown : found - classes_.begin();
}

at::Tensor Truth::by_folders(const std::vector<std::string>& paths) const {
  auto numbers = at::empty({std::ssize(paths)}, at::kLong);
  auto* number = numbers.mutable_data_ptr<int64_t>();
  for (const std::string& path : paths) *number++ = number_of(first_folder(path, folder_));
  return numbers;
}

// The split's classes may have other numbers, or be others.
at::Tensor Truth::in_own_numbers(const at::Tensor& labels) const {
  auto numbers = labels.to(at::kLong, /*non_blocking=*/false, /*copy=*/true).contiguous();
  auto* number = numbers.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < numbers.numel(); ++i) {
    const auto split_number = static_cast<size_t>(number[i]);
    if (!split_classes_.empty())
      number[i] = split_number < split_classes_.size() ? number_of(split_classes_[split_number]) : kUnknown;
    else if (split_number >= classes_.size())
      number[i] = kUnknown;
  }
  return numbers;
}

}  // namespace millrace::training
