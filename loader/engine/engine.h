#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/cursor.h"
#include "millrace/loader/engine/deliveries.h"
#include "millrace/loader/engine/delivery.h"
#include "millrace/loader/engine/device_stage.h"
#include "millrace/loader/engine/failures.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/mender.h"
#include "millrace/loader/engine/opener.h"
#include "millrace/loader/engine/overflow.h"
#include "millrace/loader/engine/resume.h"
#include "millrace/loader/engine/slot_memory.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/engine/supervisor.h"
#include "millrace/loader/engine/tally.h"
#include "millrace/loader/engine/tickets.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/worker_board.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/loader_parts.h"
#include "millrace/loader/state.h"
#include "millrace/loader/stats.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/os/event_fd.h"

namespace millrace {

/// A data loader without the types of its batches. The journey of a batch: the Opener asks the Cursor for indices,
/// takes a slot of the memory and opens it on the board; the Crew fills it; find_complete() sees it; what failed goes
/// to the Mender; Deliveries lend it; its lease brings it home and settle() makes it free, when no device reads it any
/// more.
///
/// Documented at DataLoaderBase, whose calls these are. Used by the loader's thread. What lies in shared memory is the
/// board and the slots; all else is private, so that a worker that dies or scribbles leaves it as it is.
class Engine {
 public:
  Engine(LoaderParts parts, const DataLoaderOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  /// Throws std::logic_error in a process that was forked from the loader's: it has a copy of all our notes, but what
  /// it opened and took would be missing here.
  void require_owner() const;

  std::optional<Delivery> next();

  /// Of a batch that turned out to be none when it was unpacked.
  [[noreturn]] void refuse_contents(const DecodeError& error);

  void set_epoch(int64_t epoch);
  void leave_unfinished_epoch();
  LoaderState state() const { return resume_.save(cursor_, in_flight_); }
  void load_state(const LoaderState& state);
  void wait_ready();

  int64_t size() const;
  int64_t epoch() const { return cursor_.epoch(); }
  LoaderStats stats() const;
  std::vector<pid_t> worker_pids() const;
  cuda::api::Stream copy_stream(int device) { return memory_.copy_stream(device); }
  const DataLoaderOptions& options() const { return options_; }
  const SampleSpec& spec() const { return *spec_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::unique_ptr<Crew> make_crew();
  Supervisor::Limits limits() const;

  // The journey.
  std::optional<Delivery> next_batch();
  std::optional<Delivery> deliver(size_t slot);
  void raise_failure(size_t slot);
  void lose(size_t slot);
  bool mend(size_t slot);
  void require_own_words(size_t slot) const;
  void settle();
  void come_home(size_t slot);

  // Epochs.
  bool epoch_is_over() const;
  void begin_next_epoch();
  void cancel_open();

  // Waiting.
  bool complete(size_t slot) const;
  std::optional<size_t> find_complete() const;
  std::optional<size_t> wait_for_complete();
  std::optional<size_t> read_here(const Deadline& deadline);
  void sleep(const Deadline& deadline);
  void require_in_time(const Deadline& deadline);
  void require_slot_comes_home(Clock::time_point since);

  // Workers.
  void look_for_deaths();
  void handle(uint64_t key);
  void bury(const Crew::Death& death);
  void settle_estates();
  std::string name_of(int64_t sample) const;

  // To the device.
  void bring_to_device(size_t slot, Delivery& delivery);
  void copy_ahead();
  bool all_done(size_t slot) const;

  /// Calls, and remembers when the board cannot be believed any more.
  template <class Call>
  auto remembering_corruption(Call call);

  // What was asked for. Constant after construction.
  const DataLoaderOptions options_;
  const pid_t owner_;
  const std::unique_ptr<Source> source_;
  const SourceTraits traits_;
  const std::optional<TravellingDataset> travelling_;
  const std::shared_ptr<const SampleSpec> spec_;

  // Shared with the workers.
  const SlotLayout layout_;
  const int64_t ahead_;  // Batches open at a time.
  const Board::Geometry geometry_;
  SlotMemory memory_;
  SharedSegment board_segment_;
  MappedSegment board_memory_;
  TrainerBoard board_;
  WorkerBoard workers_board_;  // Of the same memory, for those that read in this process.
  EventFd done_;
  Epoll epoll_;

  // The trainer's own.
  InFlight in_flight_;
  Cursor cursor_;
  Tally tally_;
  std::optional<std::string> corrupted_;  // Why the board cannot be believed.
  std::optional<DeviceStage> stage_;      // Of loaders with device() whose workers make CPU tensors.
  Clock::time_point next_look_for_deaths_;

  // Those who do the work. The crew uses what is above, the others use the crew too.
  Tickets tickets_;
  Opener opener_;
  Mender mender_;
  Resume resume_;
  std::unique_ptr<Crew> crew_;
  Supervisor supervisor_;
  Failures failures_;
  Overflow overflow_;
  Deliveries deliveries_;
};

}  // namespace millrace
