#include "millrace/loader/device/pinning.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <optional>

#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/pinned.h"
#include "millrace/sharing/os/notice.h"

namespace millrace {
namespace {

int context_device(c10::Device device) {
  if (device.is_cuda()) return device.index();
  const auto* const torch = c10::impl::device_guard_impl_registry[static_cast<size_t>(c10::kCUDA)].load();
  return torch ? torch->getDevice().index() : 0;
}

Pinning failed(Pinning pinning, const std::string& error) {
  pinning.error = error;
  tell(NoticeLevel::kWarning, "DataLoader: pin_memory has no effect: " + error +
                                  ". Batches stay in pageable memory, from which copies to a device are slower");
  return pinning;
}

}  // namespace

bool can_pin_memory() { return cuda::Driver::find() != nullptr; }

Pinning pin(Arena& arena, c10::Device device) {
  Pinning pinning;
  if (!cuda::Driver::find()) return failed(std::move(pinning), cuda::Driver::status().text);
  pinning.gate = std::make_shared<SlotGate>(arena.slots());
  auto span = std::make_shared<std::optional<cuda::PinnedSpan>>();
  arena.before_unmapping([gate = pinning.gate, span] {
    if (gate->drain()) {
      span->reset();
      return true;
    }
    tell(NoticeLevel::kWarning, std::string("copies from a loader's memory to a device do not end: it stays ") +
                                    (span->has_value() ? "pinned and " : "") + "mapped for the life of this process");
    if (span->has_value()) (*span)->leak();
    return false;
  });
  try {
    if (cuda::reads_pageable_memory(context_device(device))) return pinning;
    span->emplace(arena.memory(), context_device(device));
    pinning.bytes = (*span)->bytes();
  } catch (const cuda::CudaError& e) {
    return failed(std::move(pinning), e.what());
  }
  return pinning;
}

}  // namespace millrace
