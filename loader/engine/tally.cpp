#include "millrace/loader/engine/tally.h"

#include <utility>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/notice.h"

namespace millrace {
namespace {

void warn(const std::string& text) { tell(NoticeLevel::kWarning, "DataLoader: " + text); }

}  // namespace

void Tally::note_error(const std::string& text) {
  ++stats.sample_errors;
  stats.last_error = text;
}

void Tally::note_lost(const std::string& text, const char* what_became_of_it) {
  stats.last_error = text;
  if (first_error_.empty()) first_error_ = text;
  if (std::exchange(told_of_one_lost_, true)) return;
  warn("a sample could not be read and was " + std::string(what_became_of_it) + ": " + text +
       ". Others are counted, and summed up at the end of their epoch");
}

void Tally::note_skipped(uint64_t samples, const std::string& text) {
  stats.sample_errors += samples;
  stats.skipped_samples += samples;
  note_lost(text, "left out");
}

void Tally::note_replaced(const std::string& text) {
  ++stats.sample_errors;
  ++stats.replaced_samples;
  note_lost(text, "replaced by another");
}

void Tally::note_earlier_deaths(uint64_t deaths) {
  stats.worker_deaths += deaths;
  told_of_a_death_ = deaths > 0;
}

void Tally::note_death(const std::string& text, size_t read_again) {
  stats.retried_samples += read_again;
  if (std::exchange(told_of_a_death_, true)) return;
  told_death_of_epoch_ = true;
  const std::string retried = read_again == 0 ? std::string()
                                              : "; " + std::to_string(read_again) + " of its samples " +
                                                    (read_again == 1 ? "is" : "are") + " read again";
  warn(text + ", and another takes its place" + retried +
       ". Further deaths are counted, and summed up at the end of their epoch");
}

void Tally::count_kept(int64_t held) {
  if (++stats.kept_batches == 1)
    warn("more than " + counted(held, "batch") + (held == 1 ? " is" : " are") +
         " kept, so from here on each is copied into ordinary memory. Drop batches before asking for more, "
         "or raise DataLoaderOptions::held");
}

void Tally::end_epoch(int64_t epoch) {
  sum_up_samples(epoch);
  sum_up_deaths(epoch);
  before_epoch_ = stats;
  first_error_.clear();
  told_death_of_epoch_ = false;
}

void Tally::sum_up_samples(int64_t epoch) {
  const uint64_t skipped = stats.skipped_samples - before_epoch_.skipped_samples;
  const uint64_t lost = skipped + stats.replaced_samples - before_epoch_.replaced_samples;
  const uint64_t given = stats.samples - before_epoch_.samples;
  bool& told = given == 0 ? told_of_nothing_ : told_of_losses_;
  if (lost == 0 || std::exchange(told, true)) return;
  const char* const became = skipped > 0 ? "left out" : lost == 1 ? "replaced by another" : "replaced by others";
  warn("of the " + counted(given + skipped, "sample") + " of epoch " + std::to_string(epoch) + ", " +
       std::to_string(lost) + " could not be read and " + (lost == 1 ? "was " : "were ") + became +
       ", the first: " + first_error_ + ". LoaderStats counts them; with on_error(OnError::kRaise) each is an error");
}

void Tally::sum_up_deaths(int64_t epoch) {
  const uint64_t deaths = stats.worker_deaths - before_epoch_.worker_deaths;
  const uint64_t retried = stats.retried_samples - before_epoch_.retried_samples;
  if (deaths <= uint64_t{told_death_of_epoch_}) return;
  warn("in epoch " + std::to_string(epoch) + ", " + counted(deaths, "worker process") +
       (deaths == 1 ? " died and was replaced, and " : " died and were replaced, and ") + std::to_string(retried) +
       " of their samples " + (retried == 1 ? "was" : "were") + " read again. LoaderStats counts them");
}

}  // namespace millrace
