#include "millrace/sharing/cuda/driver.h"

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "millrace/sharing/os/fork_handlers.h"

namespace millrace::cuda {
namespace {

constexpr const char* kLibrary = "libcuda.so.1";
constexpr const char* kVariable = "MILLRACE_CUDA_DRIVER";

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string forked_text(pid_t parent) {
  return "CUDA cannot be used in process " + std::to_string(::getpid()) + ": it was forked off process " +
         std::to_string(parent) +
         ", which had used CUDA before. Call millrace::init(argc, argv) as the first statement of main and start "
         "processes with StartMethod::kForkServer (the default) or kSpawn";
}

std::string hint_for(api::Result code) {
  switch (code) {
    case api::kOutOfMemory:
      return ". The device, or the host memory that can be pinned, is full: use smaller batches, or end other programs "
             "that use it";
    case api::kNotInitialized:
      return ". This process may have been forked off one that had used CUDA: start processes with "
             "StartMethod::kForkServer or kSpawn";
    case api::kSystemDriverMismatch:
      return ". The kernel module and the driver library are of different versions: reboot, or reinstall the driver";
    case api::kMpsConnectionFailed:
      return ". The MPS server cannot be reached: start nvidia-cuda-mps-control, or unset CUDA_MPS_PIPE_DIRECTORY";
    case api::kNotPermitted:
      return ". In a container, the processes need one PID namespace and the same devices";
    default:
      return "";
  }
}

}  // namespace

struct DriverState {
  std::mutex mutex;
  bool tried = false;
  pid_t user = 0;  // The process that initialised the driver.
  DriverStatus status;
  Driver driver;
  std::atomic<bool> ready = false;

  static DriverState& instance() {
    static DriverState* state = new DriverState;  // Outlives tensors in static variables.
    return *state;
  }

  void start() {
    const std::lock_guard lock(mutex);
    if (tried) return;
    tried = true;
    user = ::getpid();
    status = open();
    ready = status.kind == DriverStatus::Kind::kReady;
  }

 private:
  DriverState() {
    at_fork(ForkRank::kCudaDriver, {[] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); },
                                    [] {
                                      auto& state = instance();
                                      state.mutex.unlock();
                                      state.forked();
                                    }});
  }

  // Notes in a forked child that the driver cannot be used. That there is none, or too old a one, stays true. The child
  // of a process that has not tried may try.
  void forked() {
    if (status.kind == DriverStatus::Kind::kNoLibrary || status.kind == DriverStatus::Kind::kTooOld) return;
    status.kind = DriverStatus::Kind::kForked;
    status.text = forked_text(user);
    ready = false;
  }

  DriverStatus open() {
    using Kind = DriverStatus::Kind;
    const char* const named = ::secure_getenv(kVariable);
    const std::string library = named ? named : kLibrary;
    if (library == "none") return {Kind::kNoLibrary, std::string("CUDA is switched off: ") + kVariable + " is none"};
    void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      return {Kind::kNoLibrary, "no CUDA driver: " + std::string(::dlerror()) +
                                    ". Install NVIDIA's driver, or run the container with GPUs"};
    auto& entry = driver.entry_;
    std::string missing;
#define MILLRACE_CUDA_FIND(member, symbol, parameters)                               \
  entry.member = reinterpret_cast<decltype(entry.member)>(::dlsym(handle, #symbol)); \
  if (!entry.member && missing.empty()) missing = #symbol;
    MILLRACE_CUDA_ENTRY_POINTS(MILLRACE_CUDA_FIND)
#undef MILLRACE_CUDA_FIND
    int version = 0;
    if (entry.driver_get_version && entry.driver_get_version(&version) != api::kSuccess) version = 0;
    if (!missing.empty() || version < Driver::kMinimumVersion)
      return {Kind::kTooOld,
              "the CUDA driver in " + library + " is too old: it is of CUDA " + version_text(version) +
                  (missing.empty() ? "" : " and lacks " + missing) + "; install one of CUDA " +
                  version_text(Driver::kMinimumVersion) + " or later",
              version};
    return initialize(entry, library, version);
  }

  DriverStatus initialize(const Driver::EntryPoints& entry, const std::string& library, int version) {
    using Kind = DriverStatus::Kind;
    const api::Result result = entry.init(0);
    if (result == api::kNoDevice)
      return {Kind::kNoDevice, "the CUDA driver finds no device (is CUDA_VISIBLE_DEVICES empty?)", version};
    if (result != api::kSuccess) {
      const char* name = nullptr;
      entry.get_error_name(result, &name);
      return {Kind::kInitFailed,
              "the CUDA driver in " + library + " does not start: " + (name ? name : "error") + " (" +
                  std::to_string(result) + ")" + hint_for(result),
              version};
    }
    int devices = 0;
    if (entry.device_get_count(&devices) != api::kSuccess || devices == 0)
      return {Kind::kNoDevice, "the CUDA driver has no device for this process (see CUDA_VISIBLE_DEVICES)", version};
    return {
        Kind::kReady,
        "CUDA " + version_text(version) + " with " + std::to_string(devices) + " device" + (devices == 1 ? "" : "s"),
        version, devices};
  }
};

[[maybe_unused]] static const DriverState& kDriverStateAtLoad = DriverState::instance();

const DriverStatus& Driver::status() {
  auto& state = DriverState::instance();
  if (!state.ready) state.start();
  return state.status;
}

const Driver* Driver::find() {
  return status().kind == DriverStatus::Kind::kReady ? &DriverState::instance().driver : nullptr;
}

const Driver& Driver::get() {
  const Driver* const driver = find();
  if (!driver) throw CudaUnavailable(status().text);
  return *driver;
}

bool Driver::is_initialized() { return DriverState::instance().ready; }

namespace detail {

void throw_cuda_error(api::Result code, const std::string& call) {
  const char* name = nullptr;
  const char* text = nullptr;
  const auto& entry = Driver::get().entry();
  entry.get_error_name(code, &name);
  entry.get_error_string(code, &text);
  throw CudaError(code, "the CUDA driver call " + call + " failed: " + (name ? name : "unknown error") + " (" +
                            std::to_string(code) + ")" + (text ? std::string(", ") + text : "") + hint_for(code));
}

}  // namespace detail
}  // namespace millrace::cuda
