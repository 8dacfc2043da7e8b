#pragma once

#include "millrace/sharing/cuda/driver.h"

namespace millrace::cuda {

/// The stream that torch's operations of this thread go to on the device. When torch's CUDA part is not loaded it is
/// the device's default stream.
api::Stream current_stream(int device);

/// True while a CUDA graph is captured on the stream, or on one that the default stream would wait for: no event may be
/// recorded on it then. nullptr is the default stream of the current context.
bool is_capturing(api::Stream stream);

/// A stream of our own, which waits for no other. Move-only. Destroying it waits for nothing; its work goes on.
class OwnedStream {
 public:
  explicit OwnedStream(int device);
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;
  ~OwnedStream();

  int device() const { return device_; }
  api::Stream get() const { return stream_; }

 private:
  int device_;
  api::Stream stream_ = nullptr;
};

/// A place in a stream's work. Not thread-safe.
class Event {
 public:
  explicit Event(int device);
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;
  ~Event();

  /// Moves the event behind all work that the stream, of the event's device, has so far.
  void record(api::Stream stream);

  /// Whether the work before the event is done; true when it was never recorded. Throws CudaError for work that failed.
  bool done() const;

  /// Waits in this thread until done() is true. Throws as done().
  void wait() const;

  /// Lets the stream, of any device, wait for the event. nullptr is the default stream of the current context.
  void block(api::Stream stream) const;

 private:
  int device_;
  api::Event event_ = nullptr;
};

}  // namespace millrace::cuda
