#include "millrace/loader/worker.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <string_view>

#include "millrace/sharing/os/look.h"
#include "millrace/sharing/process/type_name.h"

namespace millrace {
namespace {

constexpr auto kLookForOrphans = std::chrono::milliseconds(500);

int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

template <size_t N>
void copy_cut(std::array<char, N>& to, std::string_view from) {
  constexpr std::string_view kCut = "...";
  const size_t length = std::min(from.size(), N - 1);
  std::copy_n(from.begin(), length, to.begin());
  to[length] = '\0';
  if (from.size() > length) std::copy(kCut.begin(), kCut.end(), to.begin() + (length - kCut.size()));
}

}  // namespace

SlotLayout layout_of(const SampleSpec& spec, size_t batch_size) {
  std::vector<size_t> row_bytes;
  for (const auto& field : spec.fields) row_bytes.push_back(field.bytes());
  return {batch_size, row_bytes};
}

Worker::Worker(const Place& place, SampleSource& source, int number, uint32_t incarnation)
    : place_(place),
      source_(source),
      number_(number),
      incarnation_(incarnation),
      beacon_(place.board.beacon(static_cast<size_t>(std::max(number, 0)))),
      rows_(place.layout.field_count()) {
  beacon_.sleeping.store(0, std::memory_order_relaxed);
  beacon_.incarnation.store(incarnation, std::memory_order_relaxed);
  note(WorkerPhase::kIdle, -1);
}

void Worker::run(const std::function<bool()>& orphaned) {
  while (!place_.board.stopping() && !orphaned()) {
    if (!look_for_a_while([&] { return fill_one(); })) place_.board.wait_for_work(beacon_, kLookForOrphans);
  }
}

bool Worker::fill_one() {
  const auto claim = place_.board.claim(incarnation_);
  if (!claim) return false;
  read_samples(*claim);
  note(WorkerPhase::kIdle, -1);
  return true;
}

void Worker::read_samples(const Board::Claim& claim) {
  std::byte* slot = place_.arena + claim.slot * place_.layout.slot_bytes();
  const auto tickets = place_.layout.tickets(slot);
  const auto size = static_cast<int64_t>(source_.size());
  note(WorkerPhase::kReading, tickets[claim.first].index);
  for (uint32_t s = claim.first; s < claim.last; ++s) {
    const SampleTicket& ticket = tickets[s];
    // The trainer gives only indices that exist; but the arena is writable for all.
    if (ticket.index < 0 || ticket.index >= size)
      return report(claim, s, "std::out_of_range", "the arena was overwritten: no such sample");
    beacon_.sample.store(ticket.index, std::memory_order_relaxed);
    for (size_t f = 0; f < rows_.size(); ++f) rows_[f] = place_.layout.row(slot, f, s);
    SampleRow row(place_.spec, rows_);
    SampleContext context(ticket.seed, number_);
    try {
      source_.read(static_cast<size_t>(ticket.index), row, context);
    } catch (const std::exception& e) {
      return report(claim, s, type_name(typeid(e)), e.what());
    } catch (...) {
      return report(claim, s, current_exception_type(), "thrown by the dataset; it is no std::exception");
    }
  }
  beacon_.samples_done.fetch_add(claim.last - claim.first, std::memory_order_relaxed);
  if (place_.board.finish(claim, incarnation_)) place_.done.signal();
}

void Worker::report(const Board::Claim& claim, uint32_t sample, const std::string& type, const std::string& message) {
  std::string path;
  std::byte* slot = place_.arena + claim.slot * place_.layout.slot_bytes();
  const int64_t index = place_.layout.tickets(slot)[sample].index;
  try {
    if (index >= 0 && index < static_cast<int64_t>(source_.size())) path = source_.describe(static_cast<size_t>(index));
  } catch (const std::exception& e) {
    path = std::string("its describe() failed too: ") + e.what();
  }
  error_.sample = sample;
  copy_cut(error_.type, type);
  copy_cut(error_.path, path);
  copy_cut(error_.message, message);
  if (place_.board.fail(claim, incarnation_, error_)) place_.done.signal();
}

void Worker::note(WorkerPhase phase, int64_t sample) {
  beacon_.sample.store(sample, std::memory_order_relaxed);
  beacon_.since_ns.store(now_ns(), std::memory_order_relaxed);
  // Release: pairs with the trainer's acquire in wait_ready(), which takes kIdle as "the dataset is built".
  beacon_.phase.store(phase, std::memory_order_release);
}

}  // namespace millrace
