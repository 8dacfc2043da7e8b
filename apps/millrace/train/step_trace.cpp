#include "millrace/apps/millrace/train/step_trace.h"

#include <utility>

#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/os/new_file.h"

namespace millrace::apps {

StepTrace::StepTrace(std::string path, c10::Device device, DataLoader& loader)
    : path_(std::move(path)),
      device_(device),
      loader_(loader),
      trace_(device.is_cuda() ? Trace(device.index()) : Trace()) {
  const NewFile tried(path_);  // Goes again: what cannot be written is told before there is something to lose.
}

void StepTrace::watch(training::Trainer::Watchers& watchers) {
  watchers.begin = [this](training::Phase phase) { begin(phase); };
  watchers.end = [this] {
    trace_.end();
    trace_.add(loader_.take_spans());
  };
}

void StepTrace::begin(training::Phase phase) {
  const bool waits = phase == training::Phase::kWait;
  cuda::api::Stream stream = nullptr;
  if (device_.is_cuda()) stream = waits ? loader_.copy_stream(device_.index()) : cuda::current_stream(device_.index());
  trace_.begin(waits ? "wait for data" : "step", {stream, waits ? "copies to the device" : "work of the device"});
}

}  // namespace millrace::apps
