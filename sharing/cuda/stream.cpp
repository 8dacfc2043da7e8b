#include "millrace/sharing/cuda/stream.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <utility>

#include "millrace/sharing/cuda/context.h"

namespace millrace::cuda {

api::Stream current_stream(int device) {
  const auto* const torch = c10::impl::device_guard_impl_registry[static_cast<size_t>(c10::kCUDA)].load();
  if (!torch) return nullptr;
  const c10::Stream stream = torch->getStream(c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device)));
  return static_cast<api::Stream>(torch->getStreamNativeHandle(stream));
}

bool is_capturing(api::Stream stream) {
  int status = api::kCaptureNone;
  const api::Result result = Driver::get().entry().stream_is_capturing(stream, &status);
  // The default stream, while a stream captures that it waits for: any work on it would ruin that capture.
  if (result == api::kStreamCaptureImplicit) return true;
  return result == api::kSuccess && status != api::kCaptureNone;
}

OwnedStream::OwnedStream(int device) : device_(device) {
  const CurrentContext context(device);
  MILLRACE_CUDA(stream_create, &stream_, api::kStreamNonBlocking);
}

OwnedStream::~OwnedStream() {
  if (const Driver* driver = Driver::find()) driver->entry().stream_destroy(stream_);
}

Event::Event(int device) : device_(device) {
  const CurrentContext context(device);
  MILLRACE_CUDA(event_create, &event_, api::kEventDisableTiming);
}

Event::Event(Event&& other) noexcept : device_(other.device_), event_(std::exchange(other.event_, nullptr)) {}

Event& Event::operator=(Event && other) noexcept {
  std::swap(device_, other.device_);
  std::swap(event_, other.event_);
  return *this;
}

Event::~Event() {
  if (!event_) return;
  if (const Driver* driver = Driver::find()) driver->entry().event_destroy(event_);
}

void Event::record(api::Stream stream) {
  const CurrentContext context(device_);
  MILLRACE_CUDA(event_record, event_, stream);
}

bool Event::done() const {
  const CurrentContext context(device_);
  const api::Result result = Driver::get().entry().event_query(event_);
  if (result == api::kNotReady) return false;
  if (result != api::kSuccess) detail::throw_cuda_error(result, "event_query");
  return true;
}

void Event::wait() const {
  const CurrentContext context(device_);
  MILLRACE_CUDA(event_synchronize, event_);
}

void Event::block(api::Stream stream) const { MILLRACE_CUDA(stream_wait_event, stream, event_, 0); }

}  // namespace millrace::cuda
