#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>

#include <cstdint>
#include <optional>

#include "millrace/loader/data_loader.h"

namespace millrace::test {

/// A stream of three tensors: one number, two and three.
struct Counting {
  int64_t given = 0;

  std::optional<at::Tensor> next(StreamContext&) {
    if (given == 3) return std::nullopt;
    return at::ones({++given});
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(given);
  }
};

}  // namespace millrace::test
