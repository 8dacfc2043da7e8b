#include "millrace/loader/engine/shared_parts.h"

#include <utility>

#include "millrace/loader/engine/setup.h"
#include "millrace/loader/engine/worker.h"

namespace millrace {

SharedParts::SharedParts(SampleSpec sample, SourceTraits traits, const DataLoaderOptions& options)
    : spec(std::make_shared<const SampleSpec>(std::move(sample))),
      layout(layout_of(*spec, static_cast<size_t>(options.batch_size()))),
      ahead(batches_ahead(traits, options, layout.slot_bytes())),
      geometry(geometry_of(traits, ahead, options)),
      memory(layout, geometry.slots, device_arena_of(options, geometry.slots)),
      board_segment(SharedSegment::create("board", Board::bytes(geometry), "use fewer workers")),
      board_memory(board_segment, Access::kReadWrite),
      board(board_memory.data(), geometry),
      workers_board(board_memory.data(), geometry) {}

}  // namespace millrace
