#include "millrace/loader/engine/board.h"

namespace millrace {

static_assert(std::atomic<uint64_t>::is_always_lock_free && sizeof(std::atomic<uint64_t>) == 8);
static_assert(sizeof(Beacon) == 64);

namespace {

constexpr size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t slot_stride(const Board::Geometry& geometry, size_t header_bytes) {
  return header_bytes + whole_lines(geometry.ranges * sizeof(uint64_t));
}

size_t all_stage_bytes(const Board::Geometry& geometry) { return size_t{geometry.workers} * geometry.stage_bytes; }

}  // namespace

size_t Board::bytes(const Geometry& geometry) {
  return sizeof(Header) + geometry.workers * sizeof(Beacon) + all_stage_bytes(geometry) +
         geometry.slots * (slot_stride(geometry, sizeof(SlotHeader)) + geometry.ranges * sizeof(RangeError));
}

Board::Header& Board::header() const { return *reinterpret_cast<Header*>(memory_); }

Beacon& Board::beacon(size_t worker) const { return reinterpret_cast<Beacon*>(memory_ + sizeof(Header))[worker]; }

std::span<std::byte> Board::stage_memory(size_t worker) const {
  std::byte* const first = memory_ + sizeof(Header) + geometry_.workers * sizeof(Beacon);
  return {first + worker * geometry_.stage_bytes, geometry_.stage_bytes};
}

Board::SlotHeader& Board::slot_header(size_t slot) const {
  std::byte* slots = memory_ + sizeof(Header) + geometry_.workers * sizeof(Beacon) + all_stage_bytes(geometry_);
  return *reinterpret_cast<SlotHeader*>(slots + slot * slot_stride(geometry_, sizeof(SlotHeader)));
}

std::atomic<uint64_t>& Board::word(size_t slot, size_t range) const {
  return reinterpret_cast<std::atomic<uint64_t>*>(&slot_header(slot) + 1)[range];
}

RangeError& Board::error_area(size_t slot, size_t range) const {
  std::byte* errors = memory_ + bytes(geometry_) - geometry_.slots * geometry_.ranges * sizeof(RangeError);
  return reinterpret_cast<RangeError*>(errors)[slot * geometry_.ranges + range];
}

bool Board::stopping() const { return header().stopping.load(std::memory_order_relaxed) != 0; }

}  // namespace millrace
