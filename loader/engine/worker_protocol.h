#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "millrace/loader/engine/board.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/cuda/device_arena.h"

// What a trainer and a worker process say to each other over the worker's control socket until the board takes over:
//
//   trainer                 worker
//   WorkerStart, dataset                            with the start of the process
//                           StartFailure            the dataset could not be built; the worker ends
//   SpecQuestion                                    of one worker, as often as it takes
//                           Doing                   the init function, where there is one; then the sample
//                           SpecAnswer or SampleFailure
//   Attachment                                      once; then the worker claims from the board
//                           batches                 that are larger than a slot, see sources/fill_request.h
//
// A worker that is not attached ends at the end of file. If a process dies here: the trainer sees its worker's end by
// its pidfd, after the last message of it; a worker that reads while the trainer dies sees it at its next message.
namespace millrace {

/// What a worker process is started with, besides its control socket. The dataset's own bytes stand behind it.
struct WorkerStart {
  int32_t number = 0;
  int32_t num_workers = 0;
  uint32_t incarnation = 0;
  SeedMode seed_mode = SeedMode::kPerSample;
  std::optional<FunctionRef> init;  ///< The worker_init_fn.
  uint64_t live_source = 0;         ///< Address of the inherited Source; 0 when `rebuild` makes one.
  FunctionRef rebuild;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(number, num_workers, incarnation, seed_mode, init, live_source, rebuild);
  }
};

/// Asks a worker what samples look like. It reads sample `sample`, which shows that.
struct SpecQuestion {
  uint64_t sample = 0;
  std::optional<uint64_t> base_seed;  ///< The base seed for worker_init_fn, which else runs later.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(sample, base_seed);
  }
};

/// The memory that a worker reads to. Behind the message come the descriptors of the board, of the arena, of the done
/// bell and, where there is one, of the arena on the device.
struct Attachment {
  Board::Geometry geometry;
  uint64_t batch_size = 0;
  SampleSpec spec;
  std::optional<cuda::DeviceArena::Shape> device_arena;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(geometry, batch_size, spec, device_arena);
  }
};

using TrainerMessage = std::variant<SpecQuestion, Attachment>;

/// Why a dataset could not be built.
struct StartFailure {
  std::string text;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(text);
  }
};

/// Tells that a question has arrived, so the dataset is built, and what the worker does from now on for that sample.
struct Doing {
  uint64_t sample = 0;
  WorkerPhase phase = WorkerPhase::kReading;  ///< kInit or kReading.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(sample, phase);
  }
};

struct SpecAnswer {
  SampleSpec spec;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(spec);
  }
};

/// Tells what the dataset threw.
struct SampleFailure {
  std::string type;
  std::string message;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(type, message);
  }
};

using WorkerMessage = std::variant<StartFailure, Doing, SpecAnswer, SampleFailure>;

}  // namespace millrace
