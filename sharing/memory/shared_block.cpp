#include "millrace/sharing/memory/shared_block.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

namespace millrace {
namespace {

// The tickets that are in the message already, in their order: the receiver finds its ticket by number.
struct SentTickets {
  struct Ticket {
    const void* segment;
    OwnedFd opening;
  };
  std::vector<Ticket> tickets;
};

struct ReceivedTickets {
  std::vector<OwnedFd> tickets;
};

}  // namespace

void SharedBlock::save(EncodeArchive& archive) const {
  if (!use_) throw std::logic_error("an empty SharedBlock cannot be sent");
  auto& tickets = archive.memory<SentTickets>().tickets;
  auto ticket =
      std::find_if(tickets.begin(), tickets.end(), [&](const auto& t) { return t.segment == use_->segment(); });
  if (ticket == tickets.end()) {
    OwnedFd opening = SharedHeap::instance().open_ticket(*use_);
    archive.attach(opening.get());
    ticket = tickets.insert(ticket, {use_->segment(), std::move(opening)});
  }
  use_->lock_for(ticket->opening);
  const auto number = static_cast<uint32_t>(ticket - tickets.begin());
  archive(number, use_->offset(), use_->bytes());
}

void SharedBlock::load(DecodeArchive& archive) {
  uint32_t number = 0;
  uint64_t offset = 0, bytes = 0;
  archive(number, offset, bytes);
  auto& tickets = archive.memory<ReceivedTickets>().tickets;
  if (number > tickets.size()) throw DecodeError("a block names a ticket that has not come");
  if (number == tickets.size()) tickets.push_back(archive.detach());
  use_ = SharedHeap::instance().import(tickets[number], offset, bytes);
}

}  // namespace millrace
