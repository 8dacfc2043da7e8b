#include "millrace/sharing/cuda/fence.h"

namespace millrace::cuda {

Fence::Fence(int device, const std::vector<api::Stream>& streams) : device_(device) {
  for (const api::Stream stream : streams) record(stream);
}

void Fence::record(api::Stream stream) {
  if (is_capturing(stream)) {
    capturing_.push_back(stream);
    return;
  }
  events_.emplace_back(device_);
  events_.back().record(stream);
}

bool Fence::passed() {
  for (const api::Stream stream : std::exchange(capturing_, {})) record(stream);
  std::erase_if(events_, [](const Event& event) {
    try {
      return event.done();
    } catch (const CudaError&) {
      return true;
    }
  });
  return events_.empty() && capturing_.empty();
}

}  // namespace millrace::cuda
