#include "millrace/sharing/cuda/device_arena.h"

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/os/round_up.h"

namespace millrace::cuda {

DeviceArena::DeviceArena(int device, size_t slots, size_t slot_bytes, const std::string& knob) {
  shape_.slots = slots;
  shape_.slot_bytes = round_up(slot_bytes, kAlignment);
  const auto segment = DeviceSegment::create(device, slots * shape_.slot_bytes, knob);
  shape_.device = uuid_of(device);
  shape_.segment_bytes = segment.bytes();
  fd_ = segment.export_fd();
  mapped_.emplace(segment);
}

const MappedDeviceSegment& DeviceArena::mapped() {
  if (!mapped_) {
    mapped_.emplace(DeviceSegment::adopt(device_with(shape_.device), shape_.segment_bytes, fd_));
    fd_.reset();
  }
  return *mapped_;
}

}  // namespace millrace::cuda
