#include "millrace/loader/engine/deliveries.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "millrace/loader/engine/corrupted.h"
#include "millrace/loader/sources/fill_request.h"
#include "millrace/sharing/tensor/tensor_view.h"

namespace millrace {

Delivery Deliveries::lend(size_t slot, Ledger::Time now) {
  return traits_.packed ? lend_packed(slot, now) : lend_rows(slot, now);
}

Delivery Deliveries::begin(size_t slot) const {
  const auto& batch = in_flight_[slot];
  Delivery delivery;
  delivery.spec = spec_;
  delivery.indices = batch.indices;
  delivery.epoch = batch.epoch;
  delivery.samples = std::ssize(batch.indices);
  return delivery;
}

Delivery Deliveries::lend_rows(size_t slot, Ledger::Time now) {
  close_gaps(slot);
  Delivery delivery = begin(slot);
  if (!gives(delivery.samples)) {
    in_flight_.release(slot);
    return delivery;
  }
  if (keep_rows(delivery, slot)) {
    in_flight_.release(slot);
    return delivery;
  }
  in_flight_.lend(slot, now);
  delivery.owner = memory_.lend(slot);
  point_at_rows(delivery, slot);
  return delivery;
}

// Copies the rows where the trainer holds as many slots as it may; false where it does not, or no memory is left.
bool Deliveries::keep_rows(Delivery& delivery, size_t slot) {
  if (!kept_.is_beyond(in_flight_.count(SlotState::kLent))) return false;
  const SlotLayout& layout = memory_.layout();
  std::vector<size_t> sizes;
  for (size_t f = 0; f < layout.field_count(); ++f)
    sizes.push_back(static_cast<size_t>(delivery.samples) * layout.row_bytes(f));
  auto blocks = kept_.blocks(sizes);
  if (!blocks) return false;
  for (size_t f = 0; f < sizes.size(); ++f)
    std::memcpy((*blocks)[f].data, memory_.slot(slot) + layout.field_offset(f), sizes[f]);
  delivery.kept_rows = *std::move(blocks);
  delivery.kept = true;
  return true;
}

// The same for a packed batch.
bool Deliveries::keep_packed(Delivery& delivery, size_t slot) {
  if (!kept_.is_beyond(in_flight_.count(SlotState::kLent))) return false;
  PackedBatch batch = read_packed(memory_.body(slot), nullptr);
  std::vector<size_t> sizes;
  for (const auto& tensor : batch.tensors) sizes.push_back(tensor.defined() ? tensor.nbytes() : 0);
  auto blocks = kept_.blocks(sizes);
  if (!blocks) return false;
  for (size_t t = 0; t < sizes.size(); ++t) {
    at::Tensor& tensor = batch.tensors[t];
    if (!tensor.defined()) continue;
    auto& [data, owner] = (*blocks)[t];
    if (sizes[t] > 0) std::memcpy(data, tensor.const_data_ptr(), sizes[t]);
    tensor = tensor_view(data, tensor.sizes().vec(), tensor.scalar_type(), c10::kCPU, std::move(owner));
  }
  delivery.packed = std::move(batch);
  delivery.kept = true;
  return true;
}

void Deliveries::point_at_rows(Delivery& delivery, size_t slot) const {
  delivery.layout = &memory_.layout();
  delivery.slot = memory_.slot(slot);
  memory_.guard(delivery, slot);
}

// Rows whose sample was left out are overwritten by those behind them.
void Deliveries::close_gaps(size_t slot) {
  const auto& indices = in_flight_[slot].indices;
  if (std::ranges::find(indices, kNoSample) == indices.end()) return;
  const SlotLayout& layout = memory_.layout();
  std::byte* const rows = memory_.slot(slot);
  size_t kept = 0;
  for (size_t row = 0; row < indices.size(); ++row) {
    if (indices[row] == kNoSample) continue;
    for (size_t f = 0; f < layout.field_count() && kept != row; ++f)
      std::memcpy(layout.row(rows, f, kept), layout.row(rows, f, row), layout.row_bytes(f));
    ++kept;
  }
  in_flight_.drop_gaps(slot);
}

Delivery Deliveries::lend_packed(size_t slot, Ledger::Time now) {
  in_flight_.drop_gaps(slot);
  Delivery delivery = begin(slot);
  if (in_flight_[slot].range_deaths.empty()) {  // A batch of no samples, which no worker has made anything of.
    in_flight_.release(slot);
    if (gives(0)) delivery.packed.emplace();
    return delivery;
  }
  const auto body = memory_.body(slot);
  try {
    const auto arrival = is_spilled(body) ? overflow_.take(slot) : nullptr;
    if (!arrival && keep_packed(delivery, slot)) {
      in_flight_.release(slot);
      if (traits_.streamed) delivery.samples = delivery.packed->samples;
      return delivery;
    }
    in_flight_.lend(slot, now);
    const auto lease = memory_.lend(slot);
    if (arrival) {
      const auto bytes = arrival->bytes().subspan(sizeof(SpillPrefix));
      delivery.packed = read_packed({const_cast<std::byte*>(bytes.data()), bytes.size()}, arrival,
                                    memory_.device_memory(slot, lease));
      delivery.came_by_message = true;
    } else {
      delivery.packed = read_packed(body, lease, memory_.device_memory(slot, lease));
    }
    if (!arrival || memory_.device_arena() != nullptr) memory_.guard(delivery, slot);
    if (arrival) delivery.pinned = false;
  } catch (const DecodeError& e) {
    throw overwritten(slot, e.what());
  }
  if (traits_.streamed) delivery.samples = delivery.packed->samples;
  return delivery;
}

std::optional<Delivery> Deliveries::preview(size_t slot) const {
  const auto& indices = in_flight_[slot].indices;
  if (std::ranges::find(indices, kNoSample) != indices.end()) return std::nullopt;
  Delivery delivery = begin(slot);
  if (!traits_.packed) {
    point_at_rows(delivery, slot);
  } else {
    const auto body = memory_.body(slot);
    if (is_spilled(body)) return std::nullopt;
    try {
      delivery.packed = read_packed(body, nullptr);
    } catch (const DecodeError&) {
      return std::nullopt;  // lend() will say so.
    }
    if (traits_.streamed) delivery.samples = delivery.packed->samples;
    memory_.guard(delivery, slot);
  }
  if (delivery.samples == 0) return std::nullopt;
  return delivery;
}

}  // namespace millrace
