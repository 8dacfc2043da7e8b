#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "millrace/sharing/cuda/driver.h"

namespace millrace::cuda {

/// Whether something works, found out by trying it.
struct Trial {
  bool works = false;
  std::string problem;  ///< The driver's error, where it does not work.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(works, problem);
  }
};

/// A device, and what can be done with it.
struct DeviceProbe {
  std::string name;
  std::string uuid;  ///< "GPU-…", as nvidia-smi writes it.
  size_t bytes = 0;  ///< The size of its memory.
  int compute_major = 0;
  int compute_minor = 0;
  bool integrated = false;        ///< Its memory is the host's.
  bool host_page_tables = false;  ///< It reads host memory that was never pinned, by the host's page tables.
  Trial pinning;                  ///< Host memory that several processes share can be pinned.
  Trial descriptors;              ///< Another process could read memory that was sent to it as a descriptor.
  Trial legacy_ipc;               ///< Another process could read memory by a CUDA IPC handle.

  bool is_mig() const { return name.find("MIG") != std::string::npos || uuid.starts_with("MIG"); }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, uuid, bytes, compute_major, compute_minor, integrated, host_page_tables, pinning, descriptors,
            legacy_ipc);
  }
};

/// What CUDA can do for this process's children.
struct Probe {
  DriverStatus driver;
  std::vector<DeviceProbe> devices;
};

/// Tries what CUDA can do in two processes of the fork server, which are thrown away. So this process stays free of
/// CUDA, and a driver that crashes or hangs (for half a minute) is one more finding. Each of the two takes a context on
/// each device meanwhile, some hundred MiB.
Probe probe();

/// Whether this is Linux on the Windows Subsystem for Linux. `root` stands in for "/" in tests.
bool is_wsl(const std::string& root = "");

}  // namespace millrace::cuda
