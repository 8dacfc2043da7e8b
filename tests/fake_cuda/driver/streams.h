#pragma once

#include <functional>

#include "millrace/tests/fake_cuda/driver/process.h"

/// A stream is a thread that does its jobs in order. The null stream stands for its device's default stream, which
/// waits for no other.
namespace fake_cuda {

/// Puts a job on a stream. kStreamCaptureUnsupported, which ruins the capture, while the stream captures a graph.
Result enqueue(Stream stream, std::function<void()> job);

/// As enqueue(), and waits until it is done.
Result enqueue_and_wait(Stream stream, std::function<void()> job);

/// What the driver answers to calls that might depend on a capture, in a thread that is not in the relaxed mode; it
/// ruins all captures.
Result safe_under_capture();

/// Until the device's streams have nothing to do, those too that were destroyed with work left.
void wait_for_device(int device);

/// In a job: sleeps, unless the process ends.
void delay(long long microseconds);

/// Stops all streams where they are.
void end_streams();

}  // namespace fake_cuda
