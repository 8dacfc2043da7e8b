#pragma once

#include <string>

#include "millrace/configs/tables/key.h"

/// What `millrace bench` measures.
namespace millrace::configs::tables {

/// The section `bench`.
struct Bench {
  std::string read = "none";

  static constexpr auto keys() {
    return list(
        key("read", &Bench::read, "What the trainer reads of a batch: nothing, or every byte.").one_of("none, all"));
  }
};

static_assert(require_keys<Bench>());

}  // namespace millrace::configs::tables
