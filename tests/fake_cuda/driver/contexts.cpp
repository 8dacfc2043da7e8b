#include <array>
#include <atomic>
#include <vector>

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
thread_local std::vector<Context> current;  // The last one is.

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
  return current.empty() ? kInvalidContext : device_of(current.back(), device);
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
    current.push_back(context);
    return kSuccess;
  });
}

Result cuCtxPopCurrent_v2(Context* context) {
  return without_context([&]() -> Result {
    if (current.empty()) return kInvalidContext;
    *context = current.back();
    current.pop_back();
    return kSuccess;
  });
}

}  // namespace fake_cuda
