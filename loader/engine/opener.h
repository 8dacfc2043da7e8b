#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <vector>

#include "millrace/loader/engine/cursor.h"
#include "millrace/loader/engine/epoch_seeds.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/engine/tickets.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/source.h"

namespace millrace {

/// Opens batches: asks the cursor what comes next, takes a free slot for it and puts it on the board. Used by the
/// loader's thread.
class Opener {
 public:
  Opener(const Source& source, const DataLoaderOptions& options, Cursor& cursor, InFlight& in_flight,
         TrainerBoard& board, const Tickets& tickets)
      : source_(source),
        traits_(traits_of(source)),
        options_(options),
        cursor_(cursor),
        in_flight_(in_flight),
        board_(board),
        tickets_(tickets),
        seeds_(options) {}

  /// Opens batches until `wanted` of them are open, or no slot is free, or there is none to plan. A batch that cannot
  /// be opened takes a slot all the same, so that its error comes in its turn.
  void open_ahead(int64_t wanted);

 private:
  bool open_one();
  std::exception_ptr put_on_board(size_t slot, size_t samples);
  std::exception_ptr complaint_about_indices() const;
  uint32_t worker_for(const BatchPlan& plan) const;

  const Source& source_;
  const SourceTraits traits_;
  const DataLoaderOptions& options_;
  Cursor& cursor_;
  InFlight& in_flight_;
  TrainerBoard& board_;
  const Tickets& tickets_;
  EpochSeeds seeds_;
  BatchPlan plan_;  // Scratch memory, as is indices_.
  std::vector<int64_t> indices_;
};

}  // namespace millrace
