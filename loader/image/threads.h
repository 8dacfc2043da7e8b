#pragma once

namespace millrace::image {

/// Lets OpenCV run in the calling thread alone: a worker is one of many, and OpenCV's pool does not survive a fork.
void use_one_thread();

}  // namespace millrace::image
