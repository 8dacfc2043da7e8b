#pragma once

#include <cstdint>
#include <memory>

#include "millrace/loader/engine/board.h"
#include "millrace/loader/engine/slot_memory.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/worker_board.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/source.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/event_fd.h"

namespace millrace {

/// What a trainer shares with its workers: how batches lie in slots, the slots' memory, the board and the done bell.
/// All of it follows from what samples look like and from the options.
struct SharedParts {
  /// Makes the parts. REQUIRES: options that checked() and require_fitting() let pass. Throws OutOfSharedMemory, and
  /// std::invalid_argument for more slots than there can be.
  SharedParts(SampleSpec sample, SourceTraits traits, const DataLoaderOptions& options);

  const std::shared_ptr<const SampleSpec> spec;
  const SlotLayout layout;
  const int64_t ahead;  ///< Batches open at a time.
  const Board::Geometry geometry;

  SlotMemory memory;
  const SharedSegment board_segment;
  const MappedSegment board_memory;
  TrainerBoard board;
  const WorkerBoard workers_board;  ///< A view of the same memory, for workers in this process.
  const EventFd done;
};

}  // namespace millrace
