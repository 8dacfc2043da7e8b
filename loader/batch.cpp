#include "millrace/loader/batch.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/device/device_copy.h"
#include "millrace/loader/device/finish.h"
#include "millrace/loader/device/slot_gate.h"
#include "millrace/loader/engine/delivery.h"
#include "millrace/sharing/os/own_pid.h"

namespace millrace {

Batch::Batch(Delivery delivery)
    : owner_(own_pid()),
      indices_(std::move(delivery.indices)),
      size_(delivery.samples),
      epoch_(delivery.epoch),
      guarded_(delivery.guarded),
      pinned_(delivery.pinned),
      on_device_(delivery.on_device.has_value()),
      columns_(columns_of(delivery)) {}

Batch Batch::to(c10::Device device, bool non_blocking) const& {
  if (on_device_) throw std::logic_error("this batch is on a device already: use its tensors' own to()");
  require_owner();
  if (device.is_cpu()) return *this;
  DeviceCopy copy(columns_, require_cuda(device), guarded_);
  if (!non_blocking) copy.wait();
  Batch there(*this);
  there.columns_ = std::move(copy).take();
  if (!any_on_device(columns_)) there.guarded_ = {};
  there.pinned_ = false;
  there.on_device_ = true;
  return there;
}

Batch Batch::to(c10::Device device, const transforms::Normalize& normalize, bool non_blocking) const& {
  const auto on = data().device();
  const bool is_there = on.type() == device.type() && (!device.has_index() || on == device);
  Batch there = on_device_ && is_there ? *this : to(device, non_blocking);
  // The pixels' memory was taken on the current stream, which the kernel runs on: it is used again behind it.
  there.columns_.replace(0, finish(there.data(), normalize));
  return there;
}

void Batch::record_stream(c10::Stream stream) const {
  require_owner();
  const auto native = native_stream(stream);
  if (guarded_.gate) guarded_.gate->use(guarded_.slot, stream.device_index(), native);
  millrace::record_stream(columns_, stream);
}

const at::Tensor& Batch::field(size_t number) const {
  const Columns& columns = own_columns();
  if (number >= columns.size())
    throw std::out_of_range("the batch has no field number " + std::to_string(number) + "; it has " +
                            to_string(columns));
  return columns.tensor(number);
}

const Columns& Batch::own_columns() const {
  require_owner();
  return columns_;
}

void Batch::require_owner() const {
  if (owner_ != own_pid())
    throw std::logic_error("this batch belongs to process " + std::to_string(owner_) + ", and process " +
                           std::to_string(own_pid()) +
                           ", which was forked from it, cannot use it: clone() the tensors before the fork, or send "
                           "them by a queue");
}

}  // namespace millrace
