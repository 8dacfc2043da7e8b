#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/sharing/cuda/driver_handles.h"

/// The part of NVIDIA's CUDA driver API (cuda.h, CUDA 13.0) that Millrace calls, declared here so that no CUDA toolkit
/// is needed to build it. The names are NVIDIA's without their prefix; layouts and values are its ABI, which
/// tests/sharing/cuda checks against cuda.h where there is one.
namespace millrace::cuda::api {

enum : Result {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kDeinitialized = 4,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidContext = 201,
  kMapFailed = 205,
  kAlreadyMapped = 208,
  kOperatingSystem = 304,
  kInvalidHandle = 400,
  kNotFound = 500,
  kNotReady = 600,
  kHostMemoryAlreadyRegistered = 712,
  kHostMemoryNotRegistered = 713,
  kMpsConnectionFailed = 805,
  kNotPermitted = 800,
  kNotSupported = 801,
  kSystemDriverMismatch = 803,
  kStreamCaptureUnsupported = 900,
  kStreamCaptureImplicit = 906,
  kUnknown = 999,
};

struct Uuid {
  std::array<unsigned char, 16> bytes;
  bool operator==(const Uuid&) const = default;
};

struct IpcMemHandle {
  std::array<unsigned char, 64> reserved;
};

struct MemLocation {
  int type;
  int id;
};

// CUmemAllocationProp.
struct MemAllocationProp {
  int type;
  int requested_handle_types;
  MemLocation location;
  void* win32_meta_data;
  struct {
    unsigned char compression_type;
    unsigned char gpu_direct_rdma_capable;
    unsigned short usage;
    unsigned char reserved[4];
  } flags;
};

struct MemAccessDesc {
  MemLocation location;
  int flags;
};

enum {
  kMemAllocationTypePinned = 1,
  kMemLocationTypeDevice = 1,
  kMemHandleTypePosixFd = 1,
  kMemAccessReadWrite = 3,
  kMemGranularityMinimum = 0,
};

enum : unsigned {
  kMemHostRegisterPortable = 1,
  kStreamNonBlocking = 1,
  kEventDisableTiming = 2,
  kIpcMemLazyEnablePeerAccess = 1,
};

// CUstreamCaptureStatus.
enum { kCaptureNone = 0, kCaptureActive = 1, kCaptureInvalidated = 2 };

// CUstreamCaptureMode.
enum { kCaptureModeGlobal = 0, kCaptureModeThreadLocal = 1, kCaptureModeRelaxed = 2 };

// CUpointer_attribute.
enum {
  kPointerMemoryType = 2,
  kPointerBufferId = 7,
  kPointerDeviceOrdinal = 9,
  kPointerIsLegacyCudaIpcCapable = 10,
  kPointerAllowedHandleTypes = 14,
};

// CUdevice_attribute.
enum {
  kDeviceIntegrated = 18,
  kDeviceComputeCapabilityMajor = 75,
  kDeviceComputeCapabilityMinor = 76,
  kDevicePageableMemoryAccessUsesHostPageTables = 100,
  kDeviceVirtualMemoryManagementSupported = 102,
  kDeviceHandleTypePosixFdSupported = 103,
};

/// The entry points: X(member, result of the C symbol, parameters). A driver that lacks one of the symbols is too old.
#define MILLRACE_CUDA_ENTRY_POINTS(X)                                                                             \
  X(init, cuInit, (unsigned flags))                                                                               \
  X(driver_get_version, cuDriverGetVersion, (int* version))                                                       \
  X(get_error_name, cuGetErrorName, (Result error, const char** name))                                            \
  X(get_error_string, cuGetErrorString, (Result error, const char** text))                                        \
  X(device_get_count, cuDeviceGetCount, (int* count))                                                             \
  X(device_get, cuDeviceGet, (Device* device, int ordinal))                                                       \
  X(device_get_name, cuDeviceGetName, (char* name, int length, Device device))                                    \
  X(device_get_uuid, cuDeviceGetUuid_v2, (Uuid* uuid, Device device))                                             \
  X(device_get_attribute, cuDeviceGetAttribute, (int* value, int attribute, Device device))                       \
  X(device_total_mem, cuDeviceTotalMem_v2, (size_t* bytes, Device device))                                        \
  X(device_primary_ctx_retain, cuDevicePrimaryCtxRetain, (Context* context, Device device))                       \
  X(device_primary_ctx_release, cuDevicePrimaryCtxRelease_v2, (Device device))                                    \
  X(device_primary_ctx_get_state, cuDevicePrimaryCtxGetState, (Device device, unsigned* flags, int* active))      \
  X(ctx_push_current, cuCtxPushCurrent_v2, (Context context))                                                     \
  X(ctx_pop_current, cuCtxPopCurrent_v2, (Context* context))                                                      \
  X(ctx_synchronize, cuCtxSynchronize, ())                                                                        \
  X(mem_get_info, cuMemGetInfo_v2, (size_t* free, size_t* total))                                                 \
  X(mem_alloc, cuMemAlloc_v2, (DevicePtr* address, size_t bytes))                                                 \
  X(mem_free, cuMemFree_v2, (DevicePtr address))                                                                  \
  X(memcpy_htod, cuMemcpyHtoD_v2, (DevicePtr to, const void* from, size_t bytes))                                 \
  X(memcpy_dtoh, cuMemcpyDtoH_v2, (void* to, DevicePtr from, size_t bytes))                                       \
  X(memcpy_htod_async, cuMemcpyHtoDAsync_v2, (DevicePtr to, const void* from, size_t bytes, Stream stream))       \
  X(memcpy_dtoh_async, cuMemcpyDtoHAsync_v2, (void* to, DevicePtr from, size_t bytes, Stream stream))             \
  X(memcpy_dtod_async, cuMemcpyDtoDAsync_v2, (DevicePtr to, DevicePtr from, size_t bytes, Stream stream))         \
  X(mem_get_address_range, cuMemGetAddressRange_v2, (DevicePtr* base, size_t* bytes, DevicePtr address))          \
  X(pointer_get_attribute, cuPointerGetAttribute, (void* value, int attribute, DevicePtr address))                \
  X(mem_host_register, cuMemHostRegister_v2, (void* memory, size_t bytes, unsigned flags))                        \
  X(mem_host_unregister, cuMemHostUnregister, (void* memory))                                                     \
  X(stream_create, cuStreamCreate, (Stream* stream, unsigned flags))                                              \
  X(stream_destroy, cuStreamDestroy_v2, (Stream stream))                                                          \
  X(stream_query, cuStreamQuery, (Stream stream))                                                                 \
  X(stream_synchronize, cuStreamSynchronize, (Stream stream))                                                     \
  X(stream_wait_event, cuStreamWaitEvent, (Stream stream, Event event, unsigned flags))                           \
  X(stream_is_capturing, cuStreamIsCapturing, (Stream stream, int* status))                                       \
  X(thread_exchange_stream_capture_mode, cuThreadExchangeStreamCaptureMode, (int* mode))                          \
  X(event_create, cuEventCreate, (Event* event, unsigned flags))                                                  \
  X(event_record, cuEventRecord, (Event event, Stream stream))                                                    \
  X(event_query, cuEventQuery, (Event event))                                                                     \
  X(event_synchronize, cuEventSynchronize, (Event event))                                                         \
  X(event_elapsed_time, cuEventElapsedTime, (float* ms, Event start, Event end))                                  \
  X(event_destroy, cuEventDestroy_v2, (Event event))                                                              \
  X(ipc_get_mem_handle, cuIpcGetMemHandle, (IpcMemHandle* handle, DevicePtr address))                             \
  X(ipc_open_mem_handle, cuIpcOpenMemHandle_v2, (DevicePtr* address, IpcMemHandle handle, unsigned flags))        \
  X(ipc_close_mem_handle, cuIpcCloseMemHandle, (DevicePtr address))                                               \
  X(mem_get_allocation_granularity, cuMemGetAllocationGranularity,                                                \
    (size_t* bytes, const MemAllocationProp* prop, int option))                                                   \
  X(mem_create, cuMemCreate,                                                                                      \
    (AllocationHandle* handle, size_t bytes, const MemAllocationProp* prop, unsigned long long flags))            \
  X(mem_release, cuMemRelease, (AllocationHandle handle))                                                         \
  X(mem_address_reserve, cuMemAddressReserve,                                                                     \
    (DevicePtr* address, size_t bytes, size_t alignment, DevicePtr wanted, unsigned long long flags))             \
  X(mem_address_free, cuMemAddressFree, (DevicePtr address, size_t bytes))                                        \
  X(mem_map, cuMemMap,                                                                                            \
    (DevicePtr address, size_t bytes, size_t offset, AllocationHandle handle, unsigned long long flags))          \
  X(mem_unmap, cuMemUnmap, (DevicePtr address, size_t bytes))                                                     \
  X(mem_set_access, cuMemSetAccess, (DevicePtr address, size_t bytes, const MemAccessDesc* access, size_t count)) \
  X(mem_export_to_shareable_handle, cuMemExportToShareableHandle,                                                 \
    (void* shareable, AllocationHandle handle, int type, unsigned long long flags))                               \
  X(mem_import_from_shareable_handle, cuMemImportFromShareableHandle,                                             \
    (AllocationHandle* handle, void* shareable, int type))                                                        \
  X(mem_retain_allocation_handle, cuMemRetainAllocationHandle, (AllocationHandle* handle, void* address))         \
  X(mem_get_allocation_properties, cuMemGetAllocationPropertiesFromHandle,                                        \
    (MemAllocationProp* prop, AllocationHandle handle))                                                           \
  X(module_load_data, cuModuleLoadData, (Module* module, const void* image))                                      \
  X(module_unload, cuModuleUnload, (Module module))                                                               \
  X(module_get_function, cuModuleGetFunction, (Function* function, Module module, const char* name))              \
  X(launch_kernel, cuLaunchKernel,                                                                                \
    (Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,    \
     unsigned block_z, unsigned shared_bytes, Stream stream, void** parameters, void** extra))

#define MILLRACE_CUDA_MEMBER(member, symbol, parameters) Result(*member) parameters = nullptr;
struct EntryPoints {
  MILLRACE_CUDA_ENTRY_POINTS(MILLRACE_CUDA_MEMBER)
};
#undef MILLRACE_CUDA_MEMBER

}  // namespace millrace::cuda::api
