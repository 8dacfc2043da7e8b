#include <array>
#include <atomic>

#include "millrace/tests/fake_cuda/driver/knobs.h"
#include "millrace/tests/fake_cuda/driver/process.h"

namespace millrace::cuda::api {

// A device's primary context; there are no others.
struct ContextTag {
  std::atomic<int> users = 0;
};

}  // namespace millrace::cuda::api

namespace fake_cuda {
namespace {

std::array<ContextTag, 16> primary;

// The last one is current. Needs no destructor: that would run before the handlers of exit(), which still use the
// driver.
struct ContextStack {
  std::array<Context, 16> contexts{};
  size_t depth = 0;
};
thread_local ContextStack stack;

Result device_of(Context context, int* device) {
  for (size_t i = 0; i < primary.size(); ++i) {
    if (context != &primary[i]) continue;
    *device = static_cast<int>(i);
    return primary[i].users > 0 ? kSuccess : kInvalidContext;
  }
  return kInvalidContext;
}

}  // namespace

Result current_device(int* device) {
  if (const Result result = usable()) return result;
  return stack.depth == 0 ? kInvalidContext : device_of(stack.contexts[stack.depth - 1], device);
}

Result cuDevicePrimaryCtxRetain(Context* context, Device device) {
  return without_context([&]() -> Result {
    if (device < 0 || device >= knobs.devices || static_cast<size_t>(device) >= primary.size()) return kInvalidDevice;
    *context = &primary[static_cast<size_t>(device)];
    ++(*context)->users;
    return kSuccess;
  });
}

Result cuDevicePrimaryCtxRelease_v2(Device device) {
  return without_context([&]() -> Result {
    if (device < 0 || device >= knobs.devices) return kInvalidDevice;
    auto& context = primary[static_cast<size_t>(device)];
    if (context.users == 0) return kInvalidContext;
    --context.users;
    return kSuccess;
  });
}

Result cuDevicePrimaryCtxGetState(Device device, unsigned* flags, int* active) {
  return without_context([&]() -> Result {
    if (device < 0 || device >= knobs.devices) return kInvalidDevice;
    *flags = 0;
    *active = primary[static_cast<size_t>(device)].users > 0;
    return kSuccess;
  });
}

Result cuCtxPushCurrent_v2(Context context) {
  return without_context([&]() -> Result {
    int device = 0;
    if (const Result result = device_of(context, &device)) return result;
    if (stack.depth == stack.contexts.size()) return kOutOfMemory;
    stack.contexts[stack.depth++] = context;
    return kSuccess;
  });
}

Result cuCtxPopCurrent_v2(Context* context) {
  return without_context([&]() -> Result {
    if (stack.depth == 0) return kInvalidContext;
    *context = stack.contexts[--stack.depth];
    return kSuccess;
  });
}

}  // namespace fake_cuda
