#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "millrace/loader/options.h"

namespace millrace {

/// What is done about a sample of a batch that could not be read.
struct Verdict {
  enum class Kind : uint8_t {
    kRaise,    ///< The batch is lost, and its error is thrown.
    kSkip,     ///< The sample is left out.
    kReplace,  ///< `instead` is read in its place.
  };

  Kind kind = Kind::kRaise;
  int64_t instead = 0;  ///< An index into the dataset.

  bool operator==(const Verdict&) const = default;
};

/// Decides what is done about a sample that could not be read. That follows from the batch alone and not from time, so
/// that a run can be repeated. `row` is the sample's place in its batch, nullopt when no sample is to blame. `indices`
/// are the batch's samples; `tried` are those that were read in that row before, without success. With kReplace the
/// next sample of the batch that was not tried stands in; when all were tried, the error is raised.
Verdict judge(OnError policy, std::optional<size_t> row, std::span<const int64_t> indices,
              std::span<const int64_t> tried);

}  // namespace millrace
