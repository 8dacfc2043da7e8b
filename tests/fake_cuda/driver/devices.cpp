#include <cstdio>
#include <map>

#include "millrace/tests/fake_cuda/driver/knobs.h"
#include "millrace/tests/fake_cuda/driver/process.h"

namespace fake_cuda {
namespace {

struct Message {
  const char* name;
  const char* text;
};

const Message* message_of(Result error) {
  static const auto* const messages = new std::map<Result, Message>{
      {kSuccess, {"CUDA_SUCCESS", "no error"}},
      {kInvalidValue, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
      {kOutOfMemory, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
      {kNotInitialized, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
      {kDeinitialized, {"CUDA_ERROR_DEINITIALIZED", "driver shutting down"}},
      {kNoDevice, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
      {kInvalidDevice, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
      {kInvalidContext, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
      {kMapFailed, {"CUDA_ERROR_MAP_FAILED", "mapping of buffer object failed"}},
      {kAlreadyMapped, {"CUDA_ERROR_ALREADY_MAPPED", "resource already mapped"}},
      {kOperatingSystem, {"CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"}},
      {kInvalidHandle, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
      {kNotFound, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
      {kNotReady, {"CUDA_ERROR_NOT_READY", "device not ready"}},
      {kHostMemoryAlreadyRegistered,
       {"CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", "part or all of the requested memory range is already mapped"}},
      {kHostMemoryNotRegistered,
       {"CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", "pointer does not correspond to a registered memory region"}},
      {kNotPermitted, {"CUDA_ERROR_NOT_PERMITTED", "operation not permitted"}},
      {kNotSupported, {"CUDA_ERROR_NOT_SUPPORTED", "operation not supported"}},
      {kSystemDriverMismatch,
       {"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"}},
      {kMpsConnectionFailed,
       {"CUDA_ERROR_MPS_CONNECTION_FAILED",
        "MPS client failed to connect to the MPS control daemon or the MPS server"}},
      {kStreamCaptureUnsupported,
       {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
      {kStreamCaptureImplicit,
       {"CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
        "operation would make the legacy stream depend on a capturing blocking stream"}},
      {kUnknown, {"CUDA_ERROR_UNKNOWN", "unknown error"}},
  };
  const auto found = messages->find(error);
  return found == messages->end() ? nullptr : &found->second;
}

// body() for a device that exists.
template <class Body>
Result with_device(Device device, const Body& body) {
  return without_context([&]() -> Result {
    if (device < 0 || device >= knobs.devices) return kInvalidDevice;
    return body();
  });
}

}  // namespace

Result cuDriverGetVersion(int* version) {
  *version = static_cast<int>(knobs.driver_version);
  return kSuccess;
}

Result cuGetErrorName(Result error, const char** name) {
  const Message* const message = message_of(error);
  *name = message ? message->name : nullptr;
  return message ? kSuccess : kInvalidValue;
}

Result cuGetErrorString(Result error, const char** text) {
  const Message* const message = message_of(error);
  *text = message ? message->text : nullptr;
  return message ? kSuccess : kInvalidValue;
}

Result cuDeviceGetCount(int* count) {
  return without_context([&] {
    *count = static_cast<int>(knobs.devices);
    return kSuccess;
  });
}

Result cuDeviceGet(Device* device, int ordinal) {
  return with_device(ordinal, [&] {
    *device = ordinal;
    return kSuccess;
  });
}

Result cuDeviceGetName(char* name, int length, Device device) {
  return with_device(device, [&] {
    std::snprintf(name, static_cast<size_t>(length), "Fake GPU %d", device);
    return kSuccess;
  });
}

Result cuDeviceGetUuid_v2(Uuid* uuid, Device device) {
  return with_device(device, [&] {
    *uuid = Uuid{{'f', 'a', 'k', 'e', '-', 'g', 'p', 'u', 0, 0, 0, 0, 0, 0, 0, static_cast<unsigned char>(device)}};
    return kSuccess;
  });
}

Result cuDeviceGetAttribute(int* value, int attribute, Device device) {
  return with_device(device, [&]() -> Result {
    switch (attribute) {
      case kDeviceIntegrated:
      case kDevicePageableMemoryAccessUsesHostPageTables:
        *value = 0;
        return kSuccess;
      case kDeviceComputeCapabilityMajor:
        *value = 9;
        return kSuccess;
      case kDeviceComputeCapabilityMinor:
        *value = 0;
        return kSuccess;
      case kDeviceVirtualMemoryManagementSupported:
      case kDeviceHandleTypePosixFdSupported:
        *value = static_cast<int>(knobs.vmm);
        return kSuccess;
      default:
        return kInvalidValue;
    }
  });
}

Result cuDeviceTotalMem_v2(size_t* bytes, Device device) {
  return with_device(device, [&] {
    *bytes = static_cast<size_t>(knobs.memory_bytes);
    return kSuccess;
  });
}

}  // namespace fake_cuda
