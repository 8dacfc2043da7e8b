#include "millrace/sharing/cuda/fence.h"

#include "millrace/sharing/cuda/context.h"

namespace millrace::cuda {

Fence::Fence(int device, const std::vector<api::Stream>& streams) : device_(device), unrecorded_(streams) { record(); }

// A stream stays in the list until its event is recorded, so that an exception forgets none.
void Fence::record() {
  const CurrentContext context(device_);
  std::erase_if(unrecorded_, [&](api::Stream stream) {
    if (is_capturing(stream)) return false;
    try {
      Event event(device_);
      event.record(stream);
      events_.push_back(std::move(event));
    } catch (const CudaError&) {  // Events are limited.
      MILLRACE_CUDA(stream_synchronize, stream);
    }
    return true;
  });
}

bool Fence::passed() {
  record();
  std::erase_if(events_, [](const Event& event) {
    try {
      return event.done();
    } catch (const CudaError&) {
      return true;
    }
  });
  return events_.empty() && unrecorded_.empty();
}

}  // namespace millrace::cuda
