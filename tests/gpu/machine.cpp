#include <string>

#include "millrace/sharing/cuda/driver.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace gpu_check {
namespace {

using namespace millrace::cuda;

std::string attribute(api::Device device, int which) {
  int value = 0;
  const api::Result result = Driver::get().entry().device_get_attribute(&value, which, device);
  return result == api::kSuccess ? std::to_string(value) : name_of(result);
}

}  // namespace

void machine() {
  api::Device device = 0;
  char name[256] = "";
  size_t bytes = 0;
  MILLRACE_CUDA(device_get, &device, 0);
  MILLRACE_CUDA(device_get_name, name, static_cast<int>(sizeof name), device);
  MILLRACE_CUDA(device_total_mem, &bytes, device);
  row("driver", Driver::status().text);
  row("device 0", text("%s, %.0f MiB", name, static_cast<double>(bytes) / 1048576));
  row("compute capability", attribute(device, api::kDeviceComputeCapabilityMajor) + "." +
                                attribute(device, api::kDeviceComputeCapabilityMinor));
  row("integrated / reads pageable memory by the host's page tables",
      attribute(device, api::kDeviceIntegrated) + " / " +
          attribute(device, api::kDevicePageableMemoryAccessUsesHostPageTables));
  row("VMM / by descriptor", attribute(device, api::kDeviceVirtualMemoryManagementSupported) + " / " +
                                 attribute(device, api::kDeviceHandleTypePosixFdSupported));
}

}  // namespace gpu_check
