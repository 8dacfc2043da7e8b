#include "millrace/loader/device/slot_gate.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/os/deadline.h"

namespace millrace {
namespace {

constexpr auto kLongestDrain = std::chrono::seconds(5);
constexpr auto kPoll = std::chrono::microseconds(200);

}  // namespace

SlotGate::SlotGate(size_t slots) : readers_(slots) {}

cuda::api::Stream SlotGate::copy_stream(int device) {
  const std::lock_guard lock(mutex_);
  return copy_streams_.try_emplace(device, device).first->second.get();
}

void SlotGate::use(size_t slot, int device, cuda::api::Stream stream) {
  const std::lock_guard lock(mutex_);
  add(readers_[slot], device, stream);
}

void SlotGate::add(std::vector<Reader>& readers, int device, cuda::api::Stream stream) {
  const auto same = [&](const Reader& reader) { return reader.device == device && reader.stream == stream; };
  if (std::none_of(readers.begin(), readers.end(), same)) readers.push_back({device, stream});
}

void SlotGate::close(size_t slot) {
  const std::lock_guard lock(mutex_);
  auto& readers = readers_[slot];
  for (int device = 0; device < cuda::Driver::status().devices; ++device)
    if (cuda::has_context(device)) add(readers, device, cuda::current_stream(device));
  std::erase_if(readers, done);
}

bool SlotGate::passed(size_t slot) {
  const std::lock_guard lock(mutex_);
  auto& readers = readers_[slot];
  std::erase_if(readers, done);
  return readers.empty();
}

bool SlotGate::waits_for_capture() {
  const std::lock_guard lock(mutex_);
  for (const auto& readers : readers_)
    for (const Reader& reader : readers) {
      const cuda::CurrentContext context(reader.device);
      if (cuda::is_capturing(reader.stream)) return true;
    }
  return false;
}

bool SlotGate::done(Reader& reader) {
  try {
    if (!reader.fence) reader.fence.emplace(reader.device, std::vector{reader.stream});
    return reader.fence->passed();
  } catch (const cuda::CudaError&) {
    return true;  // The context is lost, or the stream is gone: nothing in it reads memory any more.
  }
}

bool SlotGate::drain() noexcept {
  // In a forked child nothing is ours to wait for.
  if (!cuda::Driver::find()) return true;
  const multiprocessing::detail::Deadline deadline(kLongestDrain);
  try {
    for (size_t slot = 0; slot < readers_.size(); ++slot) {
      close(slot);
      while (!passed(slot)) {
        if (deadline.passed()) return false;
        std::this_thread::sleep_for(kPoll);
      }
    }
  } catch (const std::exception&) {
    // The driver is shutting down, at the end of the process: it has ended the copies.
  }
  return true;
}

}  // namespace millrace
