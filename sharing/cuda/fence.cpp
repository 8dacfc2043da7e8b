#include "millrace/sharing/cuda/fence.h"

#include "millrace/sharing/cuda/context.h"

namespace millrace::cuda {

Fence::Fence(int device, const std::vector<api::Stream>& streams) : device_(device) {
  for (const api::Stream stream : streams) record(stream);
}

void Fence::record(api::Stream stream) {
  const CurrentContext context(device_);
  if (is_capturing(stream)) {
    capturing_.push_back(stream);
    return;
  }
  try {
    Event event(device_);
    event.record(stream);
    events_.push_back(std::move(event));
  } catch (const CudaError& error) {
    if (error.code() != api::kOutOfMemory) throw;
    MILLRACE_CUDA(stream_synchronize, stream);
  }
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
