#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "millrace/loader/collation/packed.h"
#include "millrace/loader/sources/fill_request.h"
#include "millrace/sharing/codec/encodable.h"

namespace millrace::detail {

/// A type of batch that a worker process can give.
template <class B>
concept BatchTravels = std::default_initializable<B> && kIsEncodable<B>;

/// Batches of a type that the codec does not know, on their way from a worker in this process to the trainer; the slot
/// holds the number of such a batch. A batch that the trainer never takes is dropped when its slot has been filled
/// twice more, or with the loader. Thread-safe; only in one process.
template <class B>
class LocalBatches {
 public:
  /// Keeps a batch, and gives the number to take() it by.
  uint64_t put(size_t slot, B batch) {
    const std::lock_guard hold(mutex_);
    auto& kept = kept_[slot];
    // The trainer opens a slot again while it takes the batch out of it, and once more only when it has it.
    if (kept.size() == 2) kept.pop_front();
    kept.emplace_back(++last_, std::move(batch));
    return last_;
  }

  /// The batch of that number. Throws DecodeError when there is none.
  B take(uint64_t number) {
    const std::lock_guard hold(mutex_);
    for (auto& [slot, kept] : kept_)
      for (auto one = kept.begin(); one != kept.end(); ++one)
        if (one->first == number) {
          B batch = std::move(one->second);
          kept.erase(one);
          return batch;
        }
    throw DecodeError("the arena was overwritten: no such batch");
  }

 private:
  std::mutex mutex_;
  uint64_t last_ = 0;
  std::map<size_t, std::deque<std::pair<uint64_t, B>>> kept_;  // By slot.
};

/// How a source hands its batches over. A handle: the copies for worker threads hand over to the same trainer.
template <class B>
class BatchCarrier {
 public:
  void put(PackedBatch& batch, const FillRequest& request, B value) {
    if constexpr (BatchTravels<B>) {
      pack_value(batch, value);
    } else {
      const uint64_t number = local_->put(request.slot(), std::move(value));
      batch.value.resize(sizeof number);
      std::memcpy(batch.value.data(), &number, sizeof number);
    }
  }

  /// The LocalBatches; null where batches travel.
  std::shared_ptr<void> local() const { return local_; }

 private:
  static std::shared_ptr<LocalBatches<B>> make() {
    if constexpr (BatchTravels<B>)
      return nullptr;
    else
      return std::make_shared<LocalBatches<B>>();
  }

  std::shared_ptr<LocalBatches<B>> local_ = make();
};

/// Takes a batch at the trainer's end. `local` is what the source's carrier has.
template <class B>
B take_batch(PackedBatch packed, void* local) {
  if constexpr (BatchTravels<B>) {
    return unpack_value<B>(std::move(packed));
  } else {
    uint64_t number = 0;
    if (packed.value.size() != sizeof number) throw DecodeError("the arena was overwritten: no number of a batch");
    std::memcpy(&number, packed.value.data(), sizeof number);
    return static_cast<LocalBatches<B>*>(local)->take(number);
  }
}

}  // namespace millrace::detail
