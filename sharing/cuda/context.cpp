#include "millrace/sharing/cuda/context.h"

#include <map>
#include <mutex>

namespace millrace::cuda {
namespace {

api::Device device_number(int device) {
  api::Device number = 0;
  MILLRACE_CUDA(device_get, &number, device);
  return number;
}

// Retained once for the life of the process: objects that live on the device may be dropped at any time.
api::Context primary_context(int device) {
  Driver::get();  // In a forked child it throws before the lock, which a thread of the parent may have held.
  static auto* const mutex = new std::mutex;
  static auto* const contexts = new std::map<int, api::Context>;
  const std::lock_guard lock(*mutex);
  const auto known = contexts->find(device);
  if (known != contexts->end()) return known->second;
  api::Context context = nullptr;
  MILLRACE_CUDA(device_primary_ctx_retain, &context, device_number(device));
  contexts->emplace(device, context);
  return context;
}

}  // namespace

CurrentContext::CurrentContext(int device) {
  MILLRACE_CUDA(ctx_push_current, primary_context(device));
  // Fails only when the driver is shutting down, as below.
  Driver::get().entry().thread_exchange_stream_capture_mode(&capture_mode_);
}

CurrentContext::~CurrentContext() {
  api::Context popped = nullptr;
  const Driver* const driver = Driver::find();
  if (!driver) return;
  // Both fail only when the driver is shutting down, at the end of the process.
  driver->entry().thread_exchange_stream_capture_mode(&capture_mode_);
  driver->entry().ctx_pop_current(&popped);
}

bool has_context(int device) {
  if (!Driver::is_initialized()) return false;
  unsigned flags = 0;
  int active = 0;
  MILLRACE_CUDA(device_primary_ctx_get_state, device_number(device), &flags, &active);
  return active != 0;
}

int attribute_of(int device, int attribute) {
  int value = 0;
  MILLRACE_CUDA(device_get_attribute, &value, attribute, device_number(device));
  return value;
}

api::Uuid uuid_of(int device) {
  api::Uuid uuid{};
  MILLRACE_CUDA(device_get_uuid, &uuid, device_number(device));
  return uuid;
}

int device_with(const api::Uuid& uuid) {
  for (int device = 0; device < Driver::status().devices; ++device)
    if (uuid_of(device) == uuid) return device;
  throw CudaUnavailable(
      "a tensor came from a CUDA device that this process does not see: give both processes the same "
      "CUDA_VISIBLE_DEVICES");
}

}  // namespace millrace::cuda
