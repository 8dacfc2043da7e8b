#pragma once

#include <sys/types.h>

#include <ATen/core/Generator.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "millrace/loader/engine/stage_recorder.h"
#include "millrace/loader/engine/worker_board.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/source.h"
#include "millrace/sharing/cuda/device_arena.h"
#include "millrace/sharing/memory/slot_layout.h"
#include "millrace/sharing/os/event_fd.h"

namespace millrace {

/// Where the fields of `spec` lie in a slot of `batch_size` samples. Trainer and workers each compute it, by this
/// function.
SlotLayout layout_of(const SampleSpec& spec, size_t batch_size);

/// What makes one worker different from the others, and how it seeds itself.
struct WorkerRole {
  int number = -1;  ///< Counted from 0; -1 is the trainer.
  uint32_t incarnation = 0;
  int num_workers = 0;
  SeedMode seed_mode = SeedMode::kPerSample;
  WorkerInitFunction init = nullptr;
  bool owns_process = false;                ///< Whether torch's default generator is its own.
  std::optional<uint64_t> begun_with = {};  ///< The base seed it works with; none before it has begun.
};

/// Begins to work with a base seed, in PyTorch's order: seed, init function, first sample. The trainer itself is no
/// worker: nothing is seeded or called. Throws what the init function throws, and then may be called again.
void begin_work(WorkerRole& role, uint64_t base_seed);

/// Ends the calling process when it is not `worker`. A process that the dataset forked and let return would be a second
/// worker with the same claims. Its memory is a copy, with locks that other threads held, so it does nothing but end.
void end_stranger(pid_t worker);

/// Fills ranges of slots: the same code in a worker process, in a worker thread and in the trainer itself.
///
/// Used by one thread. Borrows everything it is given. If its process dies here, the board says which range it held.
class Worker {
 public:
  struct Place {
    const WorkerBoard& board;
    std::byte* arena;
    cuda::DeviceArena* device_arena;  ///< Null unless batches may have CUDA tensors.
    const SlotLayout& layout;
    const EventFd& done;    ///< Rung when the trainer waits for a batch that we complete.
    const FdSocket* spill;  ///< Takes batches that are larger than a slot.
  };

  /// A worker whose notes go to the beacon of its number, the trainer's to the first one.
  Worker(const Place& place, Source& source, const WorkerRole& role);

  /// Claims one range and fills it. False when nothing is open.
  bool fill_one();

  /// Fills ranges until the board says stop. Between two looks for work it asks `orphaned`, at least twice a second,
  /// and ends when that is true.
  void run(const std::function<bool()>& orphaned);

 private:
  void begin_measuring();
  void fill(const Claim& claim);
  void begin(uint64_t base_seed);
  void report(const Claim& claim, FillRequest& request, const std::string& type, const std::string& message);
  uint64_t note(WorkerPhase phase, int64_t sample);

  uint32_t board_number() const { return static_cast<uint32_t>(std::max(role_.number, 0)); }

  Place place_;
  Source& source_;
  WorkerRole role_;
  Beacon& beacon_;
  pid_t pid_;
  at::Generator generator_;      // Torch's default one, with SeedMode::kTorch; else undefined.
  at::Generator own_generator_;  // Torch's default one, where this worker may seed it for each sample; else undefined.
  RangeError error_;
  ThreadClock clock_;
  std::optional<StageRecorder> stages_;  // Where stages are measured.
};

}  // namespace millrace
