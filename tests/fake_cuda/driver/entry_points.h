#pragma once

#include <cstddef>

#include "millrace/sharing/cuda/driver_api.h"

// Declares the C symbols of the driver, so that a definition with other parameters does not compile.
namespace fake_cuda {

using namespace millrace::cuda::api;

#define FAKE_CUDA_API extern "C" __attribute__((visibility("default")))
#define FAKE_CUDA_DECLARE(member, symbol, parameters) FAKE_CUDA_API Result symbol parameters;
MILLRACE_CUDA_ENTRY_POINTS(FAKE_CUDA_DECLARE)
#undef FAKE_CUDA_DECLARE

}  // namespace fake_cuda
