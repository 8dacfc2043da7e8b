#include "millrace/loader/engine/tickets.h"

#include <string>

#include "millrace/loader/engine/corrupted.h"
#include "millrace/loader/seeds.h"
#include "millrace/loader/sources/fill_request.h"

namespace millrace {

void Tickets::write(size_t slot) const {
  const auto tickets = memory_.tickets(slot);
  const BatchPlan& plan = in_flight_.plan(slot);
  if (traits_.streamed) {
    StreamRequest request = plan.stream;
    request.skip_errors = options_.on_error() == OnError::kSkip;
    tickets[0] = {0, sample_seed(options_.seed(), plan.epoch, 0)};
    write_stream_request(request, memory_.body(slot));
  }
  for (size_t row = 0; row < in_flight_[slot].indices.size(); ++row) tickets[row] = ticket_of(slot, row);
}

void Tickets::require_own(size_t slot) const {
  const auto tickets = memory_.tickets(slot);
  for (size_t row = 0; row < in_flight_[slot].indices.size(); ++row)
    if (tickets[row] != ticket_of(slot, row))
      throw overwritten(slot, "index or seed of its sample " + std::to_string(row));
}

SampleTicket Tickets::ticket_of(size_t slot, size_t row) const {
  const BatchPlan& plan = in_flight_.plan(slot);
  return {in_flight_[slot].indices[row],
          sample_seed(options_.seed(), plan.epoch, plan.position + static_cast<int64_t>(row))};
}

}  // namespace millrace
