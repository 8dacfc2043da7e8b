#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/loader/engine/completion.h"
#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/cursor.h"
#include "millrace/loader/engine/deliveries.h"
#include "millrace/loader/engine/delivery.h"
#include "millrace/loader/engine/events.h"
#include "millrace/loader/engine/failures.h"
#include "millrace/loader/engine/forwarder.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/kept_memory.h"
#include "millrace/loader/engine/mender.h"
#include "millrace/loader/engine/opener.h"
#include "millrace/loader/engine/overflow.h"
#include "millrace/loader/engine/owner.h"
#include "millrace/loader/engine/resume.h"
#include "millrace/loader/engine/returns.h"
#include "millrace/loader/engine/sample_names.h"
#include "millrace/loader/engine/shared_parts.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/engine/stage_reader.h"
#include "millrace/loader/engine/supervisor.h"
#include "millrace/loader/engine/tally.h"
#include "millrace/loader/engine/tickets.h"
#include "millrace/loader/engine/wait.h"
#include "millrace/loader/options.h"
#include "millrace/loader/stage_report.h"
#include "millrace/loader/state.h"
#include "millrace/loader/stats.h"

namespace millrace {

/// A data loader without the types of its batches. This is the journey of a batch: the Opener asks the Cursor for
/// indices, takes a slot of the memory and opens it on the board; the Crew fills it; Completion finds it; the Mender
/// gets what failed; Deliveries lend it, and the Forwarder brings it to the device; its lease brings it home; Returns
/// make it free, when no device reads it any more.
///
/// DataLoaderBase, whose calls these are, documents them. Used by the loader's thread. Only the board and the slots lie
/// in shared memory; all else is private, so a worker that dies or scribbles leaves it as it is.
class Engine {
 public:
  /// The parts that an engine works with; see EngineStart. The crew reads from `source` into `shared`.
  struct Parts {
    std::unique_ptr<Source> source;
    std::unique_ptr<Order> order;
    std::unique_ptr<SharedParts> shared;
    std::unique_ptr<Events> events;
    std::unique_ptr<Crew> crew;
    uint64_t worker_deaths = 0;  ///< Deaths before the engine began.
  };

  /// An engine of these parts. REQUIRES: checked() options.
  Engine(Parts parts, const DataLoaderOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  /// Throws std::logic_error in a process that was forked from the loader's.
  void require_owner() const { owner_.require_here(); }

  std::optional<Delivery> next();

  /// Throws BoardCorrupted for a packed batch that does not decode, here and at every later next().
  [[noreturn]] void refuse_contents(const DecodeError& error);

  void set_epoch(int64_t epoch);
  void leave_unfinished_epoch();
  LoaderState state() const { return resume_.save(cursor_, in_flight_); }
  void load_state(const LoaderState& state);
  void wait_ready();

  std::optional<int64_t> size() const { return cursor_.size(); }
  int64_t epoch() const { return cursor_.epoch(); }
  LoaderStats stats() const;
  StageReport stages() const;
  StageSpans take_spans() { return stages_.take_spans(); }
  std::vector<pid_t> worker_pids() const;
  cuda::api::Stream copy_stream(int device) { return memory_.copy_stream(device); }
  const DataLoaderOptions& options() const { return options_; }
  const SampleSpec& spec() const { return *shared_->spec; }

 private:
  // The journey.
  std::optional<Delivery> next_batch();
  void open_ahead();
  std::optional<Delivery> deliver(size_t slot);
  void raise_failure(size_t slot);
  void lose(size_t slot);
  bool mend(size_t slot);
  void require_own_words(size_t slot) const;
  void settle();

  // Epochs.
  void begin_next_epoch();
  void cancel_open();

  // Waiting.
  std::optional<size_t> wait_for_complete();
  std::optional<size_t> read_here(Wait& wait);
  void sleep(const Wait& wait);
  void tell_if_long(Wait& wait, Events::Time now) const;
  std::string what_is_awaited() const;
  std::string what_workers_do(Events::Time now) const;
  void require_in_time(const Wait& wait) const;
  void require_sound() const;

  // Workers.
  void look_for_deaths();
  void bury(const std::vector<size_t>& workers);
  void bury(const Crew::Death& death);
  void settle_estates();
  void await_threads();

  /// Runs `call`, and remembers the error when the board cannot be believed any more.
  template <class Call>
  auto remembering_corruption(Call call);

  // The options, constant after construction.
  const DataLoaderOptions options_;
  const Owner owner_;
  const std::unique_ptr<Source> source_;
  const SourceTraits traits_;

  // The parts outside the trainer. The crew uses those above it.
  const std::unique_ptr<SharedParts> shared_;
  const std::unique_ptr<Events> events_;
  std::unique_ptr<Crew> crew_;
  SlotMemory& memory_;   // Part of shared_.
  TrainerBoard& board_;  // Part of shared_.

  // The trainer's own notes.
  InFlight in_flight_;
  Cursor cursor_;
  Tally tally_;
  std::optional<std::string> corrupted_;  // Why the board cannot be believed.
  Events::Time next_look_for_deaths_;

  // The parts that do the work.
  SampleNames names_;
  Completion completion_;
  Returns returns_;
  Tickets tickets_;
  Opener opener_;
  Mender mender_;
  Resume resume_;
  Supervisor supervisor_;
  Failures failures_;
  Overflow overflow_;
  KeptMemory kept_;
  Deliveries deliveries_;
  StageReader stages_;
  std::optional<Forwarder> forwarder_;  // For loaders with device() whose workers make CPU tensors.
};

}  // namespace millrace
