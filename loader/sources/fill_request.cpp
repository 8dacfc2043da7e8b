#include "millrace/loader/sources/fill_request.h"

#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/device/device_slot.h"
#include "millrace/loader/seeds.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/process/backtrace.h"

namespace millrace {

void FillRequest::throw_overwritten() { throw std::out_of_range("the arena was overwritten: no such sample"); }

StreamRequest FillRequest::stream() const {
  const auto body = place_.layout.body(place_.slot);
  uint64_t size = 0;
  std::memcpy(&size, body.data(), sizeof size);
  if (size > body.size() - sizeof size) throw DecodeError("the arena was overwritten: no request for a stream");
  const std::vector<std::byte> bytes(body.begin() + sizeof size,
                                     body.begin() + static_cast<ptrdiff_t>(sizeof size + size));
  StreamRequest request;
  DecodeArchive archive(bytes, {});
  archive(request);
  return request;
}

StreamContext FillRequest::start(const StreamRequest& stream, int64_t position) {
  note(position);
  streamed_ = true;
  if (place_.timer != nullptr) place_.timer->begin_sample(position);
  const uint64_t seed = sample_seed(place_.layout.tickets(place_.slot)[0].seed, stream.stream, position);
  return {SampleContext(seed, worker_, generator_), stream.epoch, stream.stream, stream.num_streams, position};
}

void FillRequest::seed_default_generator(uint64_t seed) const {
  if (!own_generator_.defined()) return;
  at::Generator generator = own_generator_;
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed);
}

void FillRequest::leave_out(PackedBatch& batch, uint32_t samples) {
  batch.skipped += samples;
  if (batch.error.empty()) batch.error = report_current_exception().headline();
}

void FillRequest::put(const PackedBatch& batch) {
  put_ = batch.samples;
  const auto body = place_.layout.body(place_.slot);
  const auto device_offsets = place_.device_slot.store(batch.tensors);
  const PackedLayout layout(batch, device_offsets, body);
  if (layout.bytes() <= body.size()) return layout.write(body);
  const SpillPrefix prefix{claim_.slot, claim_.generation};
  std::vector<std::byte> message(sizeof prefix + layout.bytes());
  std::memcpy(message.data(), &prefix, sizeof prefix);
  layout.write(std::span(message).subspan(sizeof prefix));
  place_.spill.send(message);
  write_spilled(body);
}

uint32_t FillRequest::samples() const {
  if (put_) return *put_;
  uint32_t samples = 0;
  for (uint32_t row = first(); row < last(); ++row) samples += wanted(row);
  return samples;
}

int64_t FillRequest::first_index() const { return streamed_ || first() == last() ? kNoSample : ticket(first()).index; }

void FillRequest::abandon() { place_.device_slot.abandon(); }

void write_stream_request(const StreamRequest& request, std::span<std::byte> body) {
  const Encoded encoded = encode(request);
  const uint64_t size = encoded.bytes.size();
  if (sizeof size + size > body.size())
    throw std::length_error("the state of stream " + std::to_string(request.stream) + " takes " + std::to_string(size) +
                            " bytes, more than the " + std::to_string(body.size()) +
                            " of a batch: keep state() small, or raise DataLoaderOptions::max_sample_bytes");
  std::memcpy(body.data(), &size, sizeof size);
  std::memcpy(body.data() + sizeof size, encoded.bytes.data(), size);
}

}  // namespace millrace
