#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace millrace::training {

/// A number that stands for no class, and which sample of its batch has it.
struct WrongClass {
  int64_t sample = 0;
  int64_t number = 0;

  bool operator==(const WrongClass&) const = default;
};

/// The first of the integers {samples, ...} that is neither from 0 to classes - 1 nor `ignored`. Waits for the device
/// that has them.
std::optional<WrongClass> find_wrong_class(const at::Tensor& target, int64_t classes, int64_t ignored);

}  // namespace millrace::training
