#include "millrace/apps/millrace/device_clock.h"

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"

namespace millrace::apps {

using namespace cuda;

DeviceClock::DeviceClock(int device) : device_(device), origin_(make_event()) {
  const CurrentContext context(device_);
  MILLRACE_CUDA(ctx_synchronize);
  MILLRACE_CUDA(event_record, origin_, nullptr);
  MILLRACE_CUDA(event_synchronize, origin_);
  origin_time_ = Clock::now();
}

DeviceClock::~DeviceClock() {
  clear();
  if (const Driver* driver = Driver::find()) driver->entry().event_destroy(origin_);
}

DeviceClock::Mark DeviceClock::mark(api::Stream stream) {
  marks_.push_back(make_event());
  const CurrentContext context(device_);
  MILLRACE_CUDA(event_record, marks_.back(), stream);
  return marks_.size() - 1;
}

DeviceClock::Clock::time_point DeviceClock::time_of(Mark mark) const {
  float ms = 0;
  MILLRACE_CUDA(event_synchronize, marks_.at(mark));
  MILLRACE_CUDA(event_elapsed_time, &ms, origin_, marks_.at(mark));
  return origin_time_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>(ms));
}

void DeviceClock::clear() {
  if (const Driver* driver = Driver::find())
    for (const api::Event event : marks_) driver->entry().event_destroy(event);
  marks_.clear();
}

api::Event DeviceClock::make_event() const {
  const CurrentContext context(device_);
  api::Event event = nullptr;
  MILLRACE_CUDA(event_create, &event, 0);
  return event;
}

}  // namespace millrace::apps
