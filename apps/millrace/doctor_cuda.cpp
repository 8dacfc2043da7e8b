#include <cstdio>
#include <cstdlib>

#include "millrace/apps/millrace/doctor.h"
#include "millrace/sharing/cuda/mps.h"
#include "millrace/sharing/cuda/probe.h"

namespace millrace::apps {
namespace {

using Kind = cuda::DriverStatus::Kind;

Check check_driver(const cuda::DriverStatus& driver) {
  Check check{"CUDA driver", Verdict::kNotAvailable, driver.text, "", false};
  if (driver.kind == Kind::kReady) check.verdict = Verdict::kOk;
  return check;
}

Check of_trial(const std::string& name, const cuda::Trial& trial, const std::string& works, const std::string& cure) {
  if (trial.works) return {name, Verdict::kOk, works, "", false};
  return {name, Verdict::kLimited, trial.problem, cure, false};
}

Check check_device(const std::string& device, const cuda::DeviceProbe& found) {
  char text[64];
  std::snprintf(text, sizeof text, ", %.1f GiB, compute capability %d.%d", static_cast<double>(found.bytes) / (1 << 30),
                found.compute_major, found.compute_minor);
  Check check{device, Verdict::kOk, found.name + text + ", " + found.uuid, "", false};
  if (found.integrated) check.text += ", shares the host's memory";
  return check;
}

Check check_pinning(const std::string& device, const cuda::DeviceProbe& found) {
  if (found.host_page_tables)
    return {device + " pinning", Verdict::kOk, "not needed: the device reads host memory by the host's page tables", "",
            false};
  return of_trial(device + " pinning", found.pinning, "shared host memory can be pinned",
                  "Batches are copied from pages that are not pinned, which is slower; a container's memory limit "
                  "counts what is pinned");
}

Check check_sharing(const std::string& device, const cuda::DeviceProbe& found) {
  return of_trial(device + " descriptors", found.descriptors, "another process can read memory sent as a descriptor",
                  "Workers then send their batches through host memory");
}

Check check_ipc(const std::string& device, const cuda::DeviceProbe& found) {
  const std::string cure = found.is_mig()
                               ? "A MIG device may have no CUDA IPC: send CPU tensors through queues and pipes"
                               : "Send CPU tensors through queues and pipes, or give the processes one PID namespace";
  return of_trial(device + " CUDA IPC", found.legacy_ipc, "another process can read memory by its handle", cure);
}

// Things about this machine that change what works, and are worth a line only where they are so.
void add_surroundings(std::vector<Check>& checks, const std::vector<cuda::DeviceProbe>& devices) {
  if (const auto mps = cuda::mps_pipe_directory())
    checks.push_back({"MPS", Verdict::kLimited, "CUDA work goes through the server at " + *mps,
                      "Never kill a process with work on the device: it can stop the others", false});
  const char* const visible = ::secure_getenv("CUDA_VISIBLE_DEVICES");
  bool mig = visible && std::string(visible).starts_with("MIG-");
  for (const auto& device : devices) mig = mig || device.is_mig();
  if (mig)
    checks.push_back({"MIG", Verdict::kLimited, "the device is a part of one",
                      "Each process sees one part at most, and parts do not share memory", false});
  if (cuda::is_wsl())
    checks.push_back({"WSL", Verdict::kLimited, "Windows Subsystem for Linux",
                      "Not all of CUDA's sharing between processes works there; the lines above say what does", false});
}

}  // namespace

std::vector<Check> check_cuda() {
  const cuda::Probe found = cuda::probe();
  std::vector<Check> checks{check_driver(found.driver)};
  for (size_t i = 0; i < found.devices.size(); ++i) {
    const std::string device = "GPU " + std::to_string(i);
    for (Check (*check)(const std::string&, const cuda::DeviceProbe&) :
         {check_device, check_pinning, check_sharing, check_ipc})
      checks.push_back(check(device, found.devices[i]));
  }
  add_surroundings(checks, found.devices);
  return checks;
}

}  // namespace millrace::apps
