#include "millrace/loader/engine/resume.h"

#include <sstream>
#include <stdexcept>

#include "millrace/loader/engine/source_traits.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

constexpr const char* kCannot = "this loader cannot go on from that state: ";

template <class Theirs, class Ours>
void require_same(const char* what, const Theirs& theirs, const Ours& ours) {
  if (theirs == ours) return;
  std::ostringstream text;
  text << kCannot << "its " << what << " is " << ours << ", the state's is ";
  if constexpr (std::is_same_v<Theirs, std::string>)
    text << printable(theirs);
  else
    text << theirs;
  throw std::invalid_argument(text.str());
}

}  // namespace

LoaderState Resume::save(const Cursor& cursor, const InFlight& in_flight) const {
  require_resumable();
  LoaderState state;
  state.samples = source_.size();
  state.fields = fields_text();
  state.seed = options_.seed();
  state.batch_size = options_.batch_size();
  const auto slot = in_flight.find_open(cursor.next_in_order());
  cursor.save(state, slot ? &in_flight.plan(*slot) : nullptr);
  return state;
}

void Resume::require_own(const LoaderState& state, const Cursor& cursor) const {
  require_resumable();
  require_same("version", state.version, LoaderState::kVersion);
  require_same("dataset's number of samples", state.samples, source_.size());
  require_same("dataset's sample", state.fields, fields_text());
  require_same("seed", state.seed, options_.seed());
  require_same("order", state.order, cursor.order_name());
  // Batches that were given ahead are known by their number.
  if (!state.ahead.empty()) require_same("batch_size", state.batch_size, options_.batch_size());
  if (state.epoch < 0) throw std::invalid_argument(std::string(kCannot) + "its epoch is negative");
  for (size_t s = 0; s < state.streams.size(); ++s) require_state_of_stream(s, state.streams[s].state);
}

void Resume::require_state_of_stream(size_t stream, const std::vector<std::byte>& state) const {
  try {
    source_.check_state(state);
  } catch (const DecodeError& e) {
    throw std::invalid_argument(kCannot + ("that of its stream " + std::to_string(stream)) +
                                " is no state of this dataset: " + e.what());
  }
}

void Resume::require_resumable() const {
  if (options_.seed_mode() == SeedMode::kTorch)
    throw std::logic_error(
        "with SeedMode::kTorch there is no state to resume from: the workers' generators are part of it, and PyTorch "
        "does not keep them either. Use SeedMode::kPerSample");
}

// The fields of a sample as text. A packed batch's field is only the room that it takes, which says nothing.
std::string Resume::fields_text() const { return traits_of(source_).packed ? "packed" : to_string(spec_); }

}  // namespace millrace
