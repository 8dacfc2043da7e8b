#include "millrace/sharing/cuda/pinned.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"

namespace millrace::cuda {
namespace {

constexpr size_t kMostAtOnce = size_t{64} << 30;  // Drivers refuse 512 GiB and more in one call.

}  // namespace

bool reads_pageable_memory(int device) {
  return attribute_of(device, api::kDevicePageableMemoryAccessUsesHostPageTables) != 0;
}

PinnedSpan::PinnedSpan(std::span<std::byte> memory, int device) : device_(device) {
  const CurrentContext context(device);
  try {
    while (!memory.empty()) {
      const auto part = memory.first(std::min(memory.size(), kMostAtOnce));
      parts_.reserve(parts_.size() + 1);
      MILLRACE_CUDA(mem_host_register, part.data(), part.size(), api::kMemHostRegisterPortable);
      parts_.push_back(part);
      memory = memory.subspan(part.size());
    }
  } catch (...) {
    unpin();
    throw;
  }
}

PinnedSpan::PinnedSpan(PinnedSpan&& other) noexcept : device_(other.device_), parts_(std::exchange(other.parts_, {})) {}

PinnedSpan& PinnedSpan::operator=(PinnedSpan&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(parts_, other.parts_);
  return *this;
}

PinnedSpan::~PinnedSpan() { unpin(); }

size_t PinnedSpan::bytes() const {
  size_t bytes = 0;
  for (const auto& part : parts_) bytes += part.size();
  return bytes;
}

void PinnedSpan::unpin() noexcept {
  const Driver* const driver = parts_.empty() ? nullptr : Driver::find();
  if (!driver) return;
  try {
    const CurrentContext context(device_);
    for (const auto& part : parts_) driver->entry().mem_host_unregister(part.data());
  } catch (const std::exception&) {
    // The driver is shutting down, at the end of the process, and takes the registration along.
  }
}

}  // namespace millrace::cuda
