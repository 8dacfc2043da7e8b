#pragma once

#include <ATen/core/Generator.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "millrace/loader/collation/packed.h"
#include "millrace/loader/sample_row.h"
#include "millrace/loader/sources/claim.h"
#include "millrace/loader/stages.h"
#include "millrace/sharing/memory/slot_layout.h"

namespace millrace {

class DeviceSlot;
class FdSocket;

/// An index that stands for no sample: the row's sample is left out of its batch (see OnError::kSkip).
constexpr int64_t kNoSample = -1;

/// What a worker hands to a Source: the samples of one batch that it claimed, and where they go. Valid during the
/// fill() call, used by the thread that got it. What it reads from shared memory it checks.
class FillRequest {
 public:
  /// Where the samples go, and what is told about them on the way. Borrowed.
  struct Place {
    std::byte* slot;
    const SlotLayout& layout;
    DeviceSlot& device_slot;                 ///< The place of a packed batch's CUDA tensors.
    const FdSocket& spill;                   ///< Takes a packed batch that is larger than a slot.
    std::atomic<int64_t>& sample;            ///< The sample at hand.
    std::atomic<uint64_t>& samples_started;  ///< A count, which tells a worker that goes on from one that is stuck.
    detail::StageListener* timer;            ///< Who times samples; null where nobody does.
  };

  /// `generator` is undefined unless SeedMode::kTorch is on, `own_generator` unless torch's default generator may be
  /// seeded for each sample. `samples` is the dataset's size.
  FillRequest(const Place& place, const Claim& claim, size_t samples, int worker, const at::Generator& generator,
              const at::Generator& own_generator)
      : place_(place),
        claim_(claim),
        samples_(samples),
        worker_(worker),
        generator_(generator),
        own_generator_(own_generator),
        current_(claim.first) {}

  /// The first row to be filled, of rows [first(), last()).
  uint32_t first() const { return claim_.first; }
  uint32_t last() const { return claim_.last; }

  /// The slot that the batch is made in.
  size_t slot() const { return claim_.slot; }

  /// Whether the row has a sample; false for one that is left out.
  bool wanted(uint32_t row) const { return ticket(row).index != kNoSample; }

  /// The dataset's index of a row. Throws std::out_of_range when shared memory was overwritten.
  size_t index(uint32_t row) const {
    const int64_t index = ticket(row).index;
    if (index < 0 || static_cast<size_t>(index) >= samples_) throw_overwritten();
    return static_cast<size_t>(index);
  }

  /// Notes that a row's sample is read from now on: should that fail, hang or kill the process, this sample is named.
  /// To be called before. Gives the context for the dataset.
  SampleContext start(uint32_t row) {
    current_ = row;
    note(ticket(row).index);
    if (place_.timer != nullptr) place_.timer->begin_sample(ticket(row).index);
    return {ticket(row).seed, worker_, generator_};
  }

  /// Seeds torch's default generator for a dataset that is given no context. In a worker process its draws become a
  /// function of `seed`, instead of being the same in every worker. Elsewhere that generator is the user's, and nothing
  /// happens.
  void seed_default_generator(uint64_t seed) const;

  /// Notes that all samples are read and the batch is made of them: an error from now on is no sample's fault.
  void start_batch() {
    current_ = claim_.first;
    note(kNoSample);
    if (detail::stage_listener != nullptr) detail::stage_listener->begin_collate();
  }

  /// Where field number `field` of a row is written. REQUIRES: the source's batches are rows.
  std::byte* row(size_t field, uint32_t row) const { return place_.layout.row(place_.slot, field, row); }

  /// Where put() packs the batch.
  std::span<std::byte> body() const { return place_.layout.body(place_.slot); }

  /// What the trainer asks of a stream. REQUIRES: the source has streams. Throws DecodeError when shared memory was
  /// overwritten.
  StreamRequest stream() const;

  /// Notes that the sample is read which a stream gives behind `position` others, as start(row) does.
  StreamContext start(const StreamRequest& stream, int64_t position);

  /// Counts `samples` of a stream as left out of its batch, because of the exception being handled. REQUIRES: inside a
  /// catch block.
  static void leave_out(PackedBatch& batch, uint32_t samples);

  /// Puts a whole batch in its place. REQUIRES: the source's batches are packed. Throws OutOfSharedMemory, and what
  /// DeviceSlot::store() throws.
  void put(const PackedBatch& batch);

  /// Gives the batch up. To be called in place of put(), when there will be no batch.
  void abandon();

  /// The samples that the batch has of this request, once it is filled.
  uint32_t samples() const;

  /// The index of the first sample; kNoSample where there is none, as in streams.
  int64_t first_index() const;

  /// The row that was started last.
  uint32_t current() const { return current_; }
  /// The index of the sample that was started last.
  int64_t current_index() const { return place_.sample.load(std::memory_order_relaxed); }

 private:
  const SampleTicket& ticket(uint32_t row) const { return place_.layout.tickets(place_.slot)[row]; }
  [[noreturn]] static void throw_overwritten();
  // Counts a sample as started. A clock would cost more than the reading of many a sample.
  void note(int64_t sample) const {
    place_.sample.store(sample, std::memory_order_relaxed);
    place_.samples_started.store(place_.samples_started.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  const Place place_;
  const Claim& claim_;
  size_t samples_;
  int worker_;
  const at::Generator& generator_;
  const at::Generator& own_generator_;
  uint32_t current_;
  bool streamed_ = false;
  std::optional<uint32_t> put_;  // The samples of the batch that was put in its place.
};

/// Writes a request into a slot that is about to be opened. Throws std::length_error when the request's state does not
/// fit.
void write_stream_request(const StreamRequest& request, std::span<std::byte> body);

/// The first bytes of a batch that is sent by message because it is larger than a slot.
struct alignas(64) SpillPrefix {
  uint64_t slot = 0;
  uint32_t generation = 0;
};

}  // namespace millrace
