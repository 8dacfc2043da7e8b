#include "millrace/loader/engine/overflow.h"

#include <cstring>
#include <string>
#include <utility>

#include "millrace/loader/engine/corrupted.h"
#include "millrace/loader/sources/fill_request.h"
#include "millrace/sharing/codec/archive.h"

namespace millrace {
void Overflow::collect() {
  for (size_t w = 0; w < crew_.size(); ++w) collect(w, crew_.overflow(w));
}

// A worker sends one message for a batch that it claimed, at most: so, since it was last looked, one for each slot that
// was open to it then and one for each time that a batch was opened since. One that sends more would keep us here for
// ever. What is kept of it is one message a slot, in memory that the worker had to have itself.
void Overflow::collect(size_t worker, const FdSocket& socket) {
  if (!socket) return;  // The worker could not be replaced yet.
  const uint64_t opened = board_.times_opened() - std::exchange(opened_before_[worker], board_.times_opened());
  const uint64_t most = in_flight_.size() + opened;
  for (uint64_t received = 0;; ++received) {
    Arrival arrival;
    try {
      if (socket.try_receive_into(arrival) != FdSocket::Received::kMessage) return;
    } catch (const DecodeError& e) {
      throw foreign_message(worker, e.what());
    }
    if (received == most) throw foreign_message(worker, "more batches than it was asked for");
    SpillPrefix prefix;
    if (arrival.bytes().size() < sizeof prefix) continue;
    std::memcpy(&prefix, arrival.bytes().data(), sizeof prefix);
    arrival.fds.clear();  // A batch has none.
    in_flight_.keep_message(prefix.slot, prefix.generation, std::move(arrival));
  }
}

std::shared_ptr<Arrival> Overflow::take(size_t slot) {
  collect();
  auto message = in_flight_.take_message(slot);
  if (!message) throw DecodeError("a batch that should have come by message did not");
  return std::make_shared<Arrival>(*std::move(message));
}

}  // namespace millrace
