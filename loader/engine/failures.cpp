#include "millrace/loader/engine/failures.h"

#include <algorithm>

#include "millrace/loader/engine/corrupted.h"
#include "millrace/loader/sources/fill_request.h"

namespace millrace {

void Failure::raise() const {
  if (death) throw WorkerDied(*death);
  throw SampleError(error.value());
}

std::optional<Failure> Failures::in(size_t slot, size_t range) const {
  const auto& batch = in_flight_[slot];
  const RangeWord word = board_.range(slot, range);
  if (word.generation == batch.generation && word.state == RangeState::kDone) return std::nullopt;
  if (word.generation != batch.generation || word.state != RangeState::kFailed)
    throw overwritten(slot, "range " + std::to_string(range) + " is neither done nor failed");
  if (const auto* const given_up = in_flight_.given_up(slot, range)) return of_given_up(slot, range, *given_up);
  const RangeError error = board_.error(slot, range);
  Failure failure;
  failure.error.emplace(error.index, error.path.data(), crew_.number_of(word.incarnation), error.type.data(),
                        error.message.data());
  if (error.index != kNoSample && error.sample < batch.indices.size() && batch.indices[error.sample] == error.index)
    failure.row = error.sample;
  return failure;
}

std::optional<Failure> Failures::of_given_up(size_t slot, size_t range, const GivenUp& given_up) const {
  Failure failure{given_up.error, std::nullopt, std::nullopt};
  const auto& indices = in_flight_[slot].indices;
  const size_t samples = board_.geometry().range_samples;
  for (size_t row = range * samples; row < std::min((range + 1) * samples, indices.size()); ++row)
    if (indices[row] == given_up.sample) failure.row = row;
  return failure;
}

std::optional<Failure> Failures::first_in(size_t slot) const {
  for (size_t range = 0; range < in_flight_[slot].range_deaths.size(); ++range)
    if (auto failure = in(slot, range)) return failure;
  return std::nullopt;
}

}  // namespace millrace
