// driver_api.h against NVIDIA's own declarations, where they are at hand. Nothing here runs.

#include <cuda.h>

#include <cstddef>
#include <type_traits>

#include "millrace/sharing/cuda/driver.h"

namespace millrace::cuda::api {
namespace {

// The same call for the machine: pointers for pointers, numbers of the same size for numbers.
template <class Ours, class Theirs>
constexpr bool kSameValue = sizeof(Ours) == sizeof(Theirs) && std::is_pointer_v<Ours> == std::is_pointer_v<Theirs> &&
                            std::is_class_v<Ours> == std::is_class_v<Theirs>;

template <class Ours, class Theirs>
constexpr bool kSameCall = false;
template <class R, class... A, class R2, class... A2>
  requires(sizeof...(A) == sizeof...(A2))
constexpr bool kSameCall<R (*)(A...), R2 (*)(A2...)> = kSameValue<R, R2> && (kSameValue<A, A2> && ...);

#define MILLRACE_TEST_CALL(member, symbol, parameters) \
  static_assert(kSameCall<decltype(Driver::EntryPoints::member), decltype(&::symbol)>, #symbol);
MILLRACE_CUDA_ENTRY_POINTS(MILLRACE_TEST_CALL)
#undef MILLRACE_TEST_CALL

static_assert(sizeof(Result) == sizeof(CUresult));
static_assert(sizeof(Device) == sizeof(CUdevice));
static_assert(sizeof(DevicePtr) == sizeof(CUdeviceptr));
static_assert(sizeof(AllocationHandle) == sizeof(CUmemGenericAllocationHandle));
static_assert(sizeof(Uuid) == sizeof(CUuuid));
static_assert(sizeof(IpcMemHandle) == sizeof(CUipcMemHandle) && sizeof(IpcMemHandle) == CU_IPC_HANDLE_SIZE);

static_assert(sizeof(MemLocation) == sizeof(CUmemLocation));
static_assert(offsetof(MemLocation, type) == offsetof(CUmemLocation, type));
static_assert(offsetof(MemLocation, id) == offsetof(CUmemLocation, id));

static_assert(sizeof(MemAllocationProp) == sizeof(CUmemAllocationProp));
static_assert(offsetof(MemAllocationProp, type) == offsetof(CUmemAllocationProp, type));
static_assert(offsetof(MemAllocationProp, requested_handle_types) ==
              offsetof(CUmemAllocationProp, requestedHandleTypes));
static_assert(offsetof(MemAllocationProp, location) == offsetof(CUmemAllocationProp, location));
static_assert(offsetof(MemAllocationProp, win32_meta_data) == offsetof(CUmemAllocationProp, win32HandleMetaData));
static_assert(offsetof(MemAllocationProp, flags) == offsetof(CUmemAllocationProp, allocFlags));
static_assert(offsetof(MemAllocationProp, flags.gpu_direct_rdma_capable) ==
              offsetof(CUmemAllocationProp, allocFlags.gpuDirectRDMACapable));
static_assert(offsetof(MemAllocationProp, flags.usage) == offsetof(CUmemAllocationProp, allocFlags.usage));

static_assert(sizeof(MemAccessDesc) == sizeof(CUmemAccessDesc));
static_assert(offsetof(MemAccessDesc, location) == offsetof(CUmemAccessDesc, location));
static_assert(offsetof(MemAccessDesc, flags) == offsetof(CUmemAccessDesc, flags));

#define MILLRACE_TEST_VALUE(ours, theirs) \
  static_assert(static_cast<long long>(ours) == static_cast<long long>(theirs), #theirs);
MILLRACE_TEST_VALUE(kSuccess, CUDA_SUCCESS)
MILLRACE_TEST_VALUE(kInvalidValue, CUDA_ERROR_INVALID_VALUE)
MILLRACE_TEST_VALUE(kOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY)
MILLRACE_TEST_VALUE(kNotInitialized, CUDA_ERROR_NOT_INITIALIZED)
MILLRACE_TEST_VALUE(kDeinitialized, CUDA_ERROR_DEINITIALIZED)
MILLRACE_TEST_VALUE(kNoDevice, CUDA_ERROR_NO_DEVICE)
MILLRACE_TEST_VALUE(kInvalidDevice, CUDA_ERROR_INVALID_DEVICE)
MILLRACE_TEST_VALUE(kInvalidContext, CUDA_ERROR_INVALID_CONTEXT)
MILLRACE_TEST_VALUE(kMapFailed, CUDA_ERROR_MAP_FAILED)
MILLRACE_TEST_VALUE(kAlreadyMapped, CUDA_ERROR_ALREADY_MAPPED)
MILLRACE_TEST_VALUE(kOperatingSystem, CUDA_ERROR_OPERATING_SYSTEM)
MILLRACE_TEST_VALUE(kInvalidHandle, CUDA_ERROR_INVALID_HANDLE)
MILLRACE_TEST_VALUE(kNotFound, CUDA_ERROR_NOT_FOUND)
MILLRACE_TEST_VALUE(kNotReady, CUDA_ERROR_NOT_READY)
MILLRACE_TEST_VALUE(kHostMemoryAlreadyRegistered, CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED)
MILLRACE_TEST_VALUE(kHostMemoryNotRegistered, CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED)
MILLRACE_TEST_VALUE(kNotPermitted, CUDA_ERROR_NOT_PERMITTED)
MILLRACE_TEST_VALUE(kNotSupported, CUDA_ERROR_NOT_SUPPORTED)
MILLRACE_TEST_VALUE(kSystemDriverMismatch, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)
MILLRACE_TEST_VALUE(kMpsConnectionFailed, CUDA_ERROR_MPS_CONNECTION_FAILED)
MILLRACE_TEST_VALUE(kStreamCaptureUnsupported, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
MILLRACE_TEST_VALUE(kStreamCaptureImplicit, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT)
MILLRACE_TEST_VALUE(kUnknown, CUDA_ERROR_UNKNOWN)
MILLRACE_TEST_VALUE(kMemAllocationTypePinned, CU_MEM_ALLOCATION_TYPE_PINNED)
MILLRACE_TEST_VALUE(kMemLocationTypeDevice, CU_MEM_LOCATION_TYPE_DEVICE)
MILLRACE_TEST_VALUE(kMemHandleTypePosixFd, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR)
MILLRACE_TEST_VALUE(kMemAccessReadWrite, CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
MILLRACE_TEST_VALUE(kMemGranularityMinimum, CU_MEM_ALLOC_GRANULARITY_MINIMUM)
MILLRACE_TEST_VALUE(kMemHostRegisterPortable, CU_MEMHOSTREGISTER_PORTABLE)
MILLRACE_TEST_VALUE(kStreamNonBlocking, CU_STREAM_NON_BLOCKING)
MILLRACE_TEST_VALUE(kEventDisableTiming, CU_EVENT_DISABLE_TIMING)
MILLRACE_TEST_VALUE(kIpcMemLazyEnablePeerAccess, CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS)
MILLRACE_TEST_VALUE(kCaptureNone, CU_STREAM_CAPTURE_STATUS_NONE)
MILLRACE_TEST_VALUE(kCaptureActive, CU_STREAM_CAPTURE_STATUS_ACTIVE)
MILLRACE_TEST_VALUE(kCaptureInvalidated, CU_STREAM_CAPTURE_STATUS_INVALIDATED)
MILLRACE_TEST_VALUE(kCaptureModeGlobal, CU_STREAM_CAPTURE_MODE_GLOBAL)
MILLRACE_TEST_VALUE(kCaptureModeThreadLocal, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
MILLRACE_TEST_VALUE(kCaptureModeRelaxed, CU_STREAM_CAPTURE_MODE_RELAXED)
MILLRACE_TEST_VALUE(kPointerMemoryType, CU_POINTER_ATTRIBUTE_MEMORY_TYPE)
MILLRACE_TEST_VALUE(kPointerBufferId, CU_POINTER_ATTRIBUTE_BUFFER_ID)
MILLRACE_TEST_VALUE(kPointerDeviceOrdinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
MILLRACE_TEST_VALUE(kPointerIsLegacyCudaIpcCapable, CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE)
MILLRACE_TEST_VALUE(kPointerAllowedHandleTypes, CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES)
MILLRACE_TEST_VALUE(kDeviceIntegrated, CU_DEVICE_ATTRIBUTE_INTEGRATED)
MILLRACE_TEST_VALUE(kDeviceComputeCapabilityMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
MILLRACE_TEST_VALUE(kDeviceComputeCapabilityMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
MILLRACE_TEST_VALUE(kDevicePageableMemoryAccessUsesHostPageTables,
                    CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES)
MILLRACE_TEST_VALUE(kDeviceVirtualMemoryManagementSupported, CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED)
MILLRACE_TEST_VALUE(kDeviceHandleTypePosixFdSupported, CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED)
#undef MILLRACE_TEST_VALUE

}  // namespace
}  // namespace millrace::cuda::api
