#include "millrace/tests/fake_cuda/device_guard.h"

#include <array>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/tests/fake_cuda/allocator.h"

namespace fake_torch {
namespace {

using namespace millrace::cuda;

thread_local c10::DeviceIndex current_device = 0;
thread_local std::array<api::Stream, 16> current_streams{};

c10::Device device_at(c10::DeviceIndex index) { return {c10::kCUDA, index}; }

size_t position(c10::Device device) {
  const c10::DeviceIndex index = device.has_index() ? device.index() : current_device;
  return static_cast<size_t>(index);
}

}  // namespace

c10::Stream torch_stream(int device, api::Stream stream) {
  const c10::Device place = device_at(static_cast<c10::DeviceIndex>(device));
  return c10::Stream(c10::Stream::UNSAFE, place, reinterpret_cast<c10::StreamId>(stream));
}

api::Stream native_stream(const c10::Stream& stream) { return reinterpret_cast<api::Stream>(stream.id()); }

c10::Device FakeDeviceGuard::exchangeDevice(c10::Device device) const {
  const c10::Device before = getDevice();
  setDevice(device);
  return before;
}

c10::Device FakeDeviceGuard::getDevice() const { return device_at(current_device); }

void FakeDeviceGuard::setDevice(c10::Device device) const {
  TORCH_CHECK(device.index() < deviceCount(), "CUDA device ", int{device.index()}, " does not exist");
  uncheckedSetDevice(device);
}

void FakeDeviceGuard::uncheckedSetDevice(c10::Device device) const noexcept {
  if (device.has_index()) current_device = device.index();
}

c10::DeviceIndex FakeDeviceGuard::deviceCount() const noexcept {
  return static_cast<c10::DeviceIndex>(Driver::status().devices);
}

c10::Stream FakeDeviceGuard::getStream(c10::Device device) const {
  return torch_stream(static_cast<int>(position(device)), current_streams[position(device)]);
}

c10::Stream FakeDeviceGuard::getDefaultStream(c10::Device device) const {
  return torch_stream(static_cast<int>(position(device)), nullptr);
}

c10::Stream FakeDeviceGuard::getStreamFromGlobalPool(c10::Device device, bool) const { return getNewStream(device, 0); }

// Kept for ever, as torch's are.
c10::Stream FakeDeviceGuard::getNewStream(c10::Device device, int) const {
  const auto index = static_cast<int>(position(device));
  const auto* const stream = new OwnedStream(index);
  return torch_stream(index, stream->get());
}

c10::Stream FakeDeviceGuard::exchangeStream(c10::Stream stream) const {
  const c10::Stream before = getStream(stream.device());
  current_streams[position(stream.device())] = native_stream(stream);
  return before;
}

void* FakeDeviceGuard::getStreamNativeHandle(c10::Stream stream) const { return native_stream(stream); }

bool FakeDeviceGuard::queryStream(const c10::Stream& stream) const {
  const CurrentContext context(stream.device_index());
  return Driver::get().entry().stream_query(native_stream(stream)) == api::kSuccess;
}

void FakeDeviceGuard::synchronizeStream(const c10::Stream& stream) const {
  const CurrentContext context(stream.device_index());
  MILLRACE_CUDA(stream_synchronize, native_stream(stream));
}

void FakeDeviceGuard::synchronizeDevice(c10::DeviceIndex device) const {
  const CurrentContext context(device);
  MILLRACE_CUDA(ctx_synchronize);
}

void FakeDeviceGuard::destroyEvent(void* event, c10::DeviceIndex) const noexcept { delete static_cast<Event*>(event); }

void FakeDeviceGuard::record(void** event, const c10::Stream& stream, c10::DeviceIndex, c10::EventFlag) const {
  if (!*event) *event = new Event(stream.device_index());
  static_cast<Event*>(*event)->record(native_stream(stream));
}

void FakeDeviceGuard::block(void* event, const c10::Stream& stream) const {
  const CurrentContext context(stream.device_index());
  if (event) static_cast<const Event*>(event)->block(native_stream(stream));
}

bool FakeDeviceGuard::queryEvent(void* event) const { return !event || static_cast<const Event*>(event)->done(); }

void FakeDeviceGuard::recordDataPtrOnStream(const c10::DataPtr& data, const c10::Stream& stream) const {
  SliceAllocator::instance().record(data, native_stream(stream));
}

}  // namespace fake_torch
