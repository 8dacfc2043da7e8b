#include "millrace/loader/engine/shared_parts.h"

#include "millrace/loader/engine/setup.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/engine/worker.h"

namespace millrace {

SharedParts::SharedParts(Source& source, const DataLoaderOptions& options)
    : spec(std::make_shared<const SampleSpec>(spec_of(source, options))),
      layout(layout_of(*spec, static_cast<size_t>(options.batch_size()))),
      ahead(batches_ahead(traits_of(source), options, layout.slot_bytes())),
      geometry(geometry_of(traits_of(source), ahead, options)),
      memory(layout, geometry.slots, device_arena_of(traits_of(source), options, geometry.slots)),
      board_segment(SharedSegment::create("board", Board::bytes(geometry), "use fewer workers")),
      board_memory(board_segment, Access::kReadWrite),
      board(board_memory.data(), geometry),
      workers_board(board_memory.data(), geometry) {}

}  // namespace millrace
