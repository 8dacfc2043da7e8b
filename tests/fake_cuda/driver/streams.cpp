#include "millrace/tests/fake_cuda/driver/streams.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/tests/fake_cuda/driver/knobs.h"

namespace millrace::cuda::api {

struct StreamTag {
  int device;
  std::deque<std::function<void()>> jobs;
  bool busy = false;
  bool destroyed = false;
  bool is_default = false;
  bool blocking = true;  // The default stream waits for it.
  int capture = kCaptureNone;

  bool idle() const { return jobs.empty() && !busy; }
};

// Where an event stands: a place in some stream's work.
struct EventTag {
  int device;
  bool timing;
  std::shared_ptr<bool> passed = std::make_shared<bool>(true);
  std::shared_ptr<std::chrono::steady_clock::time_point> time = {};  // When it passed. None: never recorded.
};

}  // namespace millrace::cuda::api

namespace fake_cuda {
namespace {

// All streams and events under one lock: tests have few, and clarity is worth more than speed. Never destroyed, since
// streams' threads may outlive everything.
struct Streams {
  std::mutex mutex;
  std::condition_variable changed;
  bool ending = false;
  std::map<int, Stream> default_of;                   // By device.
  std::map<Stream, std::shared_ptr<StreamTag>> live;  // The default ones included.
  std::set<std::shared_ptr<StreamTag>> working;       // Whose threads run: live, or destroyed with work left.
  std::map<Event, std::unique_ptr<EventTag>> events;
};
Streams& all = *new Streams;

thread_local int capture_mode = kCaptureModeGlobal;

void work(const std::shared_ptr<StreamTag>& stream) {
  std::unique_lock lock(all.mutex);
  while (true) {
    all.changed.wait(lock, [&] { return all.ending || !stream->jobs.empty() || stream->destroyed; });
    if (all.ending || stream->jobs.empty()) break;
    const std::function<void()> job = std::move(stream->jobs.front());
    stream->jobs.pop_front();
    stream->busy = true;
    lock.unlock();
    job();
    lock.lock();
    stream->busy = false;
    all.changed.notify_all();
  }
  all.working.erase(stream);
  all.changed.notify_all();
}

Stream start_stream(int device, bool blocking) {
  const auto stream = std::make_shared<StreamTag>();
  stream->blocking = blocking;
  stream->device = device;
  all.live.emplace(stream.get(), stream);
  all.working.insert(stream);
  std::thread(work, stream).detach();
  return stream.get();
}

// Makes the null stream the default one of the current device. Under the lock.
Result resolve(Stream* stream) {
  if (const Result result = usable()) return result;
  if (!*stream) {
    int device = 0;
    if (const Result result = current_device(&device)) return result;
    auto& own = all.default_of[device];
    if (!own) {
      own = start_stream(device, true);
      own->is_default = true;
    }
    *stream = own;
  }
  return all.live.contains(*stream) ? kSuccess : kInvalidHandle;
}

void invalidate_capture(StreamTag& stream) {
  if (stream.capture == kCaptureActive) ++counters.invalidated_captures;
  stream.capture = kCaptureInvalidated;
}

// Streams whose captures work on this one would become part of: itself, or those that the default stream waits for.
std::vector<Stream> captures_touched_by(Stream stream) {
  std::vector<Stream> touched;
  for (const auto& [other, unused] : all.live) {
    const bool waited_for = stream->is_default && other->blocking && other->device == stream->device;
    if (other->capture != kCaptureNone && (other == stream || waited_for)) touched.push_back(other);
  }
  return touched;
}

// Under the lock.
Result push(Stream stream, std::function<void()> job) {
  if (const Result result = resolve(&stream)) return result;
  const auto touched = captures_touched_by(stream);
  for (const Stream capturing : touched) invalidate_capture(*capturing);
  if (!touched.empty()) return touched.front() == stream ? kStreamCaptureUnsupported : kStreamCaptureImplicit;
  stream->jobs.push_back(std::move(job));
  all.changed.notify_all();
  return kSuccess;
}

// A job that lets everybody pass who waits for *passed.
std::function<void()> pass(const std::shared_ptr<bool>& passed) {
  return [passed] {
    const std::lock_guard lock(all.mutex);
    *passed = true;
  };
}

void wait_for(const bool& condition, std::unique_lock<std::mutex>& lock) {
  all.changed.wait(lock, [&] { return condition || all.ending; });
}

Result find(Event event, EventTag** found) {
  if (const Result result = usable()) return result;
  const auto at = all.events.find(event);
  if (at == all.events.end()) return kInvalidHandle;
  *found = at->second.get();
  return kSuccess;
}

}  // namespace

Result enqueue(Stream stream, std::function<void()> job) {
  const std::lock_guard lock(all.mutex);
  return push(stream, std::move(job));
}

Result enqueue_and_wait(Stream stream, std::function<void()> job) {
  std::unique_lock lock(all.mutex);
  const auto done = std::make_shared<bool>(false);
  const Result result = push(stream, [job = std::move(job), done] {
    job();
    pass(done)();
  });
  if (result == kSuccess) wait_for(*done, lock);
  return result;
}

Result safe_under_capture() {
  if (capture_mode == kCaptureModeRelaxed) return kSuccess;
  const std::lock_guard lock(all.mutex);
  Result result = kSuccess;
  for (const auto& [stream, unused] : all.live) {
    if (stream->capture == kCaptureNone) continue;
    invalidate_capture(*stream);
    result = kStreamCaptureUnsupported;
  }
  return result;
}

void wait_for_device(int device) {
  std::unique_lock lock(all.mutex);
  all.changed.wait(lock, [&] {
    if (all.ending) return true;
    for (const auto& stream : all.working)
      if (stream->device == device && !stream->idle()) return false;
    return true;
  });
}

void delay(long long microseconds) {
  std::unique_lock lock(all.mutex);
  all.changed.wait_for(lock, std::chrono::microseconds(microseconds), [] { return all.ending; });
}

void end_streams() {
  std::unique_lock lock(all.mutex);
  all.ending = true;
  all.changed.notify_all();
  // A kernel of a test may not return.
  all.changed.wait_for(lock, std::chrono::seconds(1), [] { return all.working.empty(); });
}

Result cuStreamCreate(Stream* stream, unsigned flags) {
  return with_context([&](int device) -> Result {
    const std::lock_guard lock(all.mutex);
    *stream = start_stream(device, !(flags & kStreamNonBlocking));
    ++counters.streams;
    return kSuccess;
  });
}

Result cuStreamDestroy_v2(Stream stream) {
  const std::lock_guard lock(all.mutex);
  if (const Result result = usable()) return result;
  const auto found = all.live.find(stream);
  if (found == all.live.end()) return kInvalidHandle;
  stream->destroyed = true;
  all.live.erase(found);
  --counters.streams;
  all.changed.notify_all();
  return kSuccess;
}

Result cuStreamQuery(Stream stream) {
  const std::lock_guard lock(all.mutex);
  if (const Result result = resolve(&stream)) return result;
  return stream->idle() ? kSuccess : kNotReady;
}

Result cuStreamSynchronize(Stream stream) {
  return enqueue_and_wait(stream, [] {});
}

Result cuCtxSynchronize() {
  return with_context([](int device) {
    wait_for_device(device);
    return kSuccess;
  });
}

Result cuStreamWaitEvent(Stream stream, Event event, unsigned) {
  const std::lock_guard lock(all.mutex);
  EventTag* found = nullptr;
  if (const Result result = find(event, &found)) return result;
  return push(stream, [passed = found->passed] {
    std::unique_lock job_lock(all.mutex);
    wait_for(*passed, job_lock);
  });
}

Result cuStreamIsCapturing(Stream stream, int* status) {
  const std::lock_guard lock(all.mutex);
  if (const Result result = resolve(&stream)) return result;
  const auto touched = captures_touched_by(stream);
  if (!touched.empty() && touched.front() != stream) return kStreamCaptureImplicit;
  *status = stream->capture;
  return kSuccess;
}

Result cuThreadExchangeStreamCaptureMode(int* mode) {
  return without_context([&] {
    std::swap(*mode, capture_mode);
    return kSuccess;
  });
}

Result cuEventCreate(Event* event, unsigned flags) {
  return with_context([&](int device) -> Result {
    const std::lock_guard lock(all.mutex);
    if (counters.events >= knobs.event_limit) return kOutOfMemory;
    auto created = std::make_unique<EventTag>();
    created->device = device;
    created->timing = (flags & kEventDisableTiming) == 0;
    *event = created.get();
    all.events.emplace(*event, std::move(created));
    ++counters.events;
    return kSuccess;
  });
}

Result cuEventRecord(Event event, Stream stream) {
  const std::lock_guard lock(all.mutex);
  EventTag* found = nullptr;
  if (const Result result = find(event, &found)) return result;
  if (const Result result = resolve(&stream)) return result;
  if (found->device != stream->device) return kInvalidHandle;
  const auto passed = std::make_shared<bool>(false);
  const auto time = std::make_shared<std::chrono::steady_clock::time_point>();
  const Result result = push(stream, [time, let_pass = pass(passed)] {
    *time = std::chrono::steady_clock::now();
    let_pass();
  });
  if (result != kSuccess) return result;
  found->passed = passed;
  found->time = time;
  return kSuccess;
}

Result cuEventElapsedTime(float* ms, Event start, Event end) {
  const std::lock_guard lock(all.mutex);
  EventTag *first = nullptr, *last = nullptr;
  if (const Result result = find(start, &first)) return result;
  if (const Result result = find(end, &last)) return result;
  if (!first->timing || !last->timing || !first->time || !last->time) return kInvalidHandle;
  if (!*first->passed || !*last->passed) return kNotReady;
  *ms = std::chrono::duration<float, std::milli>(*last->time - *first->time).count();
  return kSuccess;
}

Result cuEventQuery(Event event) {
  if (const Result result = safe_under_capture()) return result;
  const std::lock_guard lock(all.mutex);
  EventTag* found = nullptr;
  if (const Result result = find(event, &found)) return result;
  return *found->passed ? kSuccess : kNotReady;
}

Result cuEventSynchronize(Event event) {
  if (const Result result = safe_under_capture()) return result;
  std::unique_lock lock(all.mutex);
  EventTag* found = nullptr;
  if (const Result result = find(event, &found)) return result;
  const std::shared_ptr<bool> passed = found->passed;
  wait_for(*passed, lock);
  return kSuccess;
}

Result cuEventDestroy_v2(Event event) {
  const std::lock_guard lock(all.mutex);
  EventTag* found = nullptr;
  if (const Result result = find(event, &found)) return result;
  all.events.erase(event);
  --counters.events;
  return kSuccess;
}

FAKE_CUDA_API void fake_cuda_capture(Stream stream, bool on) {
  const std::lock_guard lock(all.mutex);
  if (resolve(&stream) == kSuccess) stream->capture = on ? kCaptureActive : kCaptureNone;
}

}  // namespace fake_cuda
