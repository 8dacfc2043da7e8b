#include "millrace/sharing/memory/slot_layout.h"

#include <stdexcept>
#include <string>

#include "millrace/sharing/memory/huge_page.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/round_up.h"

namespace millrace {
namespace {

constexpr size_t kFieldAlignment = 64;
constexpr size_t kPage = 4096;

}  // namespace

SlotLayout::SlotLayout(size_t batch_size, std::span<const size_t> row_bytes) : batch_size_(batch_size) {
  constexpr size_t kMost = size_t{1} << 50;  // Thousands of slots of that size can still be counted.
  size_t end = round_up(batch_size * sizeof(SampleTicket), kFieldAlignment);
  for (const size_t bytes : row_bytes) {
    if (end >= kMost || (bytes != 0 && batch_size > (kMost - end) / bytes))
      throw std::invalid_argument("a batch of " + counted(batch_size, "row") + " of " + counted(bytes, "byte") +
                                  " does not fit any memory");
    fields_.push_back({end, bytes});
    end = round_up(end + batch_size * bytes, kFieldAlignment);
  }
  slot_bytes_ = round_up(end, end >= kHugePage ? kHugePage : kPage);
}

}  // namespace millrace
