#pragma once

/// The types of handles that name the driver's objects in calls, see driver_api.h.
namespace millrace::cuda::api {

using Result = int;  // CUresult
using Device = int;  // CUdevice
using DevicePtr = unsigned long long;
using AllocationHandle = unsigned long long;  // CUmemGenericAllocationHandle
using Context = struct ContextTag*;
using Stream = struct StreamTag*;
using Event = struct EventTag*;
using Module = struct ModuleTag*;
using Function = struct FunctionTag*;

}  // namespace millrace::cuda::api
