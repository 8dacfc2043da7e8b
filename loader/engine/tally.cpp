#include "millrace/loader/engine/tally.h"

#include <c10/util/Exception.h>

#include <cstdio>
#include <exception>
#include <utility>

namespace millrace {

void Tally::note_error(const std::string& text) {
  stats.last_error = text;
  if (first_error_.empty()) first_error_ = text;
}

void Tally::count_kept(int64_t held) {
  if (++stats.kept_batches == 1)
    TORCH_WARN("DataLoader: more than ", held,
               " batches are kept, so from here on each is copied into ordinary memory. Drop batches before asking for "
               "more, or raise DataLoaderOptions::held");
}

void Tally::end_epoch(int64_t epoch) {
  const uint64_t skipped = stats.skipped_samples - before_epoch_.skipped_samples;
  const uint64_t lost = skipped + stats.replaced_samples - before_epoch_.replaced_samples;
  const uint64_t given = stats.samples - before_epoch_.samples;
  bool& told = given == 0 ? told_of_nothing_ : told_of_losses_;
  before_epoch_ = stats;
  const std::string first_error = std::exchange(first_error_, {});
  if (lost > 0 && !std::exchange(told, true))
    TORCH_WARN("DataLoader: of the ", given + skipped, " samples of epoch ", epoch, ", ", lost,
               " could not be read and ", lost == 1 ? "was " : "were ",
               skipped > 0 ? "left out"
               : lost == 1 ? "replaced by another"
                           : "replaced by others",
               ", the first: ", first_error,
               ". LoaderStats counts them; with on_error(OnError::kRaise) each is an error");
}

void Tally::end(int64_t epoch) noexcept {
  try {
    end_epoch(epoch);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "millrace: a handler of warnings threw %s\n", e.what());
  }
}

}  // namespace millrace
