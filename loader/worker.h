#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "millrace/loader/board.h"
#include "millrace/loader/datasets/sample_source.h"
#include "millrace/sharing/memory/slot_layout.h"
#include "millrace/sharing/os/event_fd.h"

namespace millrace {

/// Where the fields of `spec` lie in a slot of `batch_size` samples. Trainer and workers each compute it, by this
/// function.
SlotLayout layout_of(const SampleSpec& spec, size_t batch_size);

/// Fills ranges of slots: the same code in a worker process, in a worker thread and in the trainer itself.
///
/// Used by one thread. Borrows everything it is given. If its process dies here, the board says which range it held.
class Worker {
 public:
  struct Place {
    const Board& board;
    std::byte* arena;
    const SlotLayout& layout;
    const SampleSpec& spec;
    const EventFd& done;  ///< Rung when the trainer waits for a batch that we complete.
  };

  /// `number` counts workers from 0, -1 is the trainer; its notes go to the beacon of that number, or to the first one.
  Worker(const Place& place, SampleSource& source, int number, uint32_t incarnation);

  /// Claims one range and fills it. False when nothing is open.
  bool fill_one();

  /// Fills ranges until the board says stop. Between two looks for work it asks `orphaned`, at least twice a second.
  void run(const std::function<bool()>& orphaned);

 private:
  void read_samples(const Board::Claim& claim);
  void report(const Board::Claim& claim, uint32_t sample, const std::string& type, const std::string& message);
  void note(WorkerPhase phase, int64_t sample);

  Place place_;
  SampleSource& source_;
  int number_;
  uint32_t incarnation_;
  Beacon& beacon_;
  std::vector<std::byte*> rows_;
  RangeError error_;
};

}  // namespace millrace
