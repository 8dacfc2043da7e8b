#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "millrace/loader/engine/cursor.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/source.h"
#include "millrace/loader/state.h"

namespace millrace {

/// Saves where a loader stands, and says whether a state belongs to a loader like this one. Used by the loader's
/// thread.
class Resume {
 public:
  Resume(const Source& source, const SampleSpec& spec, const DataLoaderOptions& options)
      : source_(source), spec_(spec), options_(options) {}

  /// The state of the loader. Throws std::logic_error with SeedMode::kTorch.
  LoaderState save(const Cursor& cursor, const InFlight& in_flight) const;

  /// Throws std::logic_error with SeedMode::kTorch, and std::invalid_argument, naming the difference, for a state of
  /// another dataset, order or seed. The cursor's order is not asked whether it has such a place.
  void require_own(const LoaderState& state, const Cursor& cursor) const;

 private:
  void require_resumable() const;
  void require_state_of_stream(size_t stream, const std::vector<std::byte>& state) const;
  std::string fields_text() const;

  const Source& source_;
  const SampleSpec& spec_;
  const DataLoaderOptions& options_;
};

}  // namespace millrace
