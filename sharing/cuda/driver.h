#pragma once

#include <stdexcept>
#include <string>

#include "millrace/sharing/cuda/driver_api.h"

namespace millrace::cuda {

/// A driver call that failed. The text has the call with its arguments, NVIDIA's name and text of the error, and what
/// to do where that is known.
class CudaError : public std::runtime_error {
 public:
  CudaError(api::Result code, const std::string& what) : std::runtime_error(what), code_(code) {}
  api::Result code() const { return code_; }

 private:
  api::Result code_;
};

/// CUDA cannot be used in this process at all. what() says why, and what helps.
class CudaUnavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Why CUDA can or cannot be used here.
struct DriverStatus {
  enum class Kind {
    kReady,
    kNoLibrary,   ///< No driver is installed.
    kTooOld,      ///< The driver lacks entry points, or is older than Driver::kMinimumVersion.
    kInitFailed,  ///< The driver is there and refuses to start.
    kNoDevice,    ///< The driver has no device for us (none, or hidden by CUDA_VISIBLE_DEVICES).
    kForked,      ///< This process was forked off one that had used CUDA.
  };
  Kind kind = Kind::kNoLibrary;
  std::string text;  ///< A sentence for the user.
  int version = 0;   ///< The driver's version, 13000 for 13.0; 0 when not known.
  int devices = 0;
};

/// The CUDA driver's entry points, found by dlopen() at run time: the same program runs with and without a GPU.
///
/// The library is libcuda.so.1, or what the environment variable MILLRACE_CUDA_DRIVER names; "none" stands for a
/// machine without any. Nothing is loaded or initialised before the first call, so a process that does not use CUDA
/// stays free of it and may fork.
///
/// After fork() of a process that had initialised the driver, the child cannot use it: find() gives null and get()
/// throws CudaUnavailable, naming the cure. Thread-safe.
class Driver {
 public:
  static constexpr int kMinimumVersion = 12000;

  /// The driver, initialised and with at least one device; null when status() is anything but ready.
  static const Driver* find();

  /// The driver as find() gives it. Throws CudaUnavailable in place of null.
  static const Driver& get();

  /// The driver's status. Initialises the driver if that has not been tried yet.
  static const DriverStatus& status();

  /// Whether this process has a driver that is initialised, without initialising it.
  static bool is_initialized();

  using EntryPoints = api::EntryPoints;
  const EntryPoints& entry() const { return entry_; }

 private:
  friend struct DriverState;
  EntryPoints entry_;
};

namespace detail {

/// Throws CudaError: "cuMemAlloc_v2(…) failed: CUDA_ERROR_OUT_OF_MEMORY (2), out of memory. …"
[[noreturn]] void throw_cuda_error(api::Result code, const std::string& call);

}  // namespace detail

/// Calls the driver: MILLRACE_CUDA(mem_alloc, &address, bytes). Throws CudaError, with the call's text, when the call
/// fails; CudaUnavailable without a driver.
#define MILLRACE_CUDA(member, ...)                                                                                     \
  do {                                                                                                                 \
    const ::millrace::cuda::api::Result millrace_result = ::millrace::cuda::Driver::get().entry().member(__VA_ARGS__); \
    if (millrace_result != ::millrace::cuda::api::kSuccess)                                                            \
      ::millrace::cuda::detail::throw_cuda_error(millrace_result, #member "(" #__VA_ARGS__ ")");                       \
  } while (false)

}  // namespace millrace::cuda
