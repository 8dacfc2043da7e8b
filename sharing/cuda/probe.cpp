#include "millrace/sharing/cuda/probe.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/pinned.h"
#include "millrace/sharing/cuda/vmm.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/process/context.h"
#include "millrace/sharing/process/exit_status.h"

namespace millrace::cuda {
namespace {

namespace mp = millrace::multiprocessing;

constexpr std::chrono::seconds kLimit{30};
constexpr size_t kPinnedBytes = 1 << 20;
constexpr const char* kKnob = "what else uses the device";

// A pattern that is in no fresh memory.
constexpr std::array<unsigned char, 16> kPattern{0x4d, 0x69, 0x6c, 0x6c, 0x72, 0x61, 0x63, 0x65,
                                                 0x20, 0x70, 0x72, 0x6f, 0x62, 0x65, 0x21, 0x0a};

// One device's memory on its way to the process that is to read it. Without a descriptor or a handle where it could not
// be exported.
struct Exported {
  api::Uuid device{};
  size_t bytes = 0;
  std::optional<OwnedFd> descriptor;
  std::optional<std::array<unsigned char, sizeof(api::IpcMemHandle)>> handle;  // The handle's bytes.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(device.bytes, bytes, descriptor, handle);
  }
};

struct Read {
  Trial descriptors;
  Trial legacy_ipc;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(descriptors, legacy_ipc);
  }
};

Trial attempt(const std::function<void()>& body) {
  try {
    body();
    return {true, ""};
  } catch (const std::exception& error) {
    return {false, error.what()};
  }
}

std::string text_of(const api::Uuid& uuid) {
  std::string text = "GPU";
  for (size_t i = 0; i < sizeof uuid.bytes; ++i) {
    if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", uuid.bytes[i]);
    text += digits;
  }
  return text;
}

DeviceProbe describe(int device) {
  DeviceProbe found;
  api::Device number = 0;
  MILLRACE_CUDA(device_get, &number, device);
  char name[256] = {};
  MILLRACE_CUDA(device_get_name, name, sizeof name - 1, number);
  found.name = name;
  found.uuid = text_of(uuid_of(device));
  MILLRACE_CUDA(device_total_mem, &found.bytes, number);
  found.compute_major = attribute_of(device, api::kDeviceComputeCapabilityMajor);
  found.compute_minor = attribute_of(device, api::kDeviceComputeCapabilityMinor);
  found.integrated = attribute_of(device, api::kDeviceIntegrated) != 0;
  found.host_page_tables = attribute_of(device, api::kDevicePageableMemoryAccessUsesHostPageTables) != 0;
  return found;
}

void pin(int device) {
  const auto segment = SharedSegment::create("millrace probe", kPinnedBytes, kKnob);
  const MappedSegment mapped(segment, Access::kReadWrite);
  const PinnedSpan pinned({mapped.data(), mapped.size()}, device);
}

void write_pattern(int device, api::DevicePtr address) {
  const CurrentContext context(device);
  MILLRACE_CUDA(memcpy_htod, address, kPattern.data(), kPattern.size());
}

void read_pattern(int device, api::DevicePtr address) {
  const CurrentContext context(device);
  std::array<unsigned char, kPattern.size()> read{};
  MILLRACE_CUDA(memcpy_dtoh, read.data(), address, read.size());
  if (read != kPattern) throw std::runtime_error("another process read other bytes than were written");
}

// The memory that this process holds for the other one; it goes with the process.
Exported export_memory(int device, DeviceProbe& found) {
  Exported exported;
  exported.device = uuid_of(device);
  found.descriptors = attempt([&] {
    const auto segment = DeviceSegment::create(device, 1, kKnob);
    const MappedDeviceSegment mapped(segment);
    write_pattern(device, mapped.address());
    exported.bytes = segment.bytes();
    exported.descriptor = segment.export_fd();
  });
  found.legacy_ipc = attempt([&] {
    const CurrentContext context(device);
    api::DevicePtr address = 0;
    api::IpcMemHandle handle{};
    MILLRACE_CUDA(mem_alloc, &address, kPattern.size());
    write_pattern(device, address);
    MILLRACE_CUDA(ipc_get_mem_handle, &handle, address);
    exported.handle = handle.reserved;
  });
  return exported;
}

struct Inspected {
  DriverStatus::Kind kind{};
  std::string text;
  int version = 0;
  std::vector<DeviceProbe> devices;
  std::vector<Exported> exports;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(kind, text, version, devices, exports);
  }
};

// The first process: looks at everything, and keeps its memory until the connection is closed.
void inspect(mp::Connection answer) {
  const DriverStatus& status = Driver::status();
  Inspected inspected{status.kind, status.text, status.version, {}, {}};
  const Trial all = attempt([&] {
    for (int device = 0; device < status.devices; ++device) {
      inspected.devices.push_back(describe(device));
      inspected.devices.back().pinning = attempt([&] { pin(device); });
      inspected.exports.push_back(export_memory(device, inspected.devices.back()));
    }
  });
  if (!all.works) inspected = {DriverStatus::Kind::kInitFailed, all.problem, status.version, {}, {}};
  answer.send(inspected);
  answer.poll(std::nullopt);
}

void read_descriptor(int device, const Exported& exported) {
  const auto segment = DeviceSegment::adopt(device, exported.bytes, *exported.descriptor);
  read_pattern(device, MappedDeviceSegment(segment).address());
}

void read_handle(int device, const Exported& exported) {
  const CurrentContext context(device);
  const api::IpcMemHandle handle{*exported.handle};
  api::DevicePtr address = 0;
  MILLRACE_CUDA(ipc_open_mem_handle, &address, handle, api::kIpcMemLazyEnablePeerAccess);
  read_pattern(device, address);
  MILLRACE_CUDA(ipc_close_mem_handle, address);
}

// The second process: reads what the first one has exported.
void read_exports(mp::Connection answer, const std::vector<Exported>& exports) {
  std::vector<Read> results;
  for (const Exported& exported : exports) {
    auto& result = results.emplace_back();
    if (exported.descriptor)
      result.descriptors = attempt([&] { read_descriptor(device_with(exported.device), exported); });
    if (exported.handle) result.legacy_ipc = attempt([&] { read_handle(device_with(exported.device), exported); });
  }
  answer.send(results);
}

// A process that is thrown away, and what it answers.
class Helper {
 public:
  template <class Function, class... Arguments>
  explicit Helper(Function function, const Arguments&... arguments)
      : connections_(mp::Pipe()),
        process_(StartMethod::kForkServer, function, std::move(connections_.second), arguments...) {
    process_.set_daemon(true);
    process_.start();
  }
  ~Helper() { process_.kill(); }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  // The other process's answer. Throws std::runtime_error, telling what happened to it, when there is none.
  template <class Answer>
  Answer answer() {
    if (!connections_.first.poll(kLimit))
      throw std::runtime_error("the CUDA driver hangs: a process that tried it has not answered for " +
                               std::to_string(kLimit.count()) + " s");
    try {
      return connections_.first.recv<Answer>();
    } catch (const mp::EndOfFile&) {
      process_.join(kLimit);
      const int code = process_.exitcode().value_or(0);
      throw std::runtime_error(
          "the CUDA driver crashes: a process that tried it " +
          (code < 0 ? "was killed by " + signal_name(-code) : "exited with " + std::to_string(code)));
    }
  }

  // Lets it end by itself, which under MPS is kinder than to be killed.
  void release() {
    connections_.first.close();
    process_.join(kLimit);
  }

 private:
  std::pair<mp::Connection, mp::Connection> connections_;
  mp::Process process_;
};

std::vector<Read> read_in_another_process(const std::vector<Exported>& exports) {
  if (exports.empty()) return {};
  try {
    Helper reader(read_exports, exports);
    auto results = reader.answer<std::vector<Read>>();
    reader.release();
    return results;
  } catch (const std::runtime_error& error) {
    const Trial failed{false, error.what()};
    return std::vector<Read>(exports.size(), Read{failed, failed});
  }
}

}  // namespace

Probe probe() {
  Probe found;
  try {
    Helper inspector(inspect);
    auto inspected = inspector.answer<Inspected>();
    found.driver = {inspected.kind, inspected.text, inspected.version, static_cast<int>(inspected.devices.size())};
    found.devices = std::move(inspected.devices);
    const auto read = read_in_another_process(inspected.exports);
    for (size_t i = 0; i < found.devices.size(); ++i) {
      // Memory that could not even be exported has its reason already.
      if (found.devices[i].descriptors.works) found.devices[i].descriptors = read.at(i).descriptors;
      if (found.devices[i].legacy_ipc.works) found.devices[i].legacy_ipc = read.at(i).legacy_ipc;
    }
    inspector.release();
  } catch (const std::runtime_error& error) {
    found.driver = {DriverStatus::Kind::kInitFailed, error.what()};
  }
  return found;
}

bool is_wsl(const std::string& root) {
  std::ifstream file(root + "/proc/version");
  const std::string version{std::istreambuf_iterator<char>(file), {}};
  return version.find("microsoft") != version.npos || version.find("Microsoft") != version.npos ||
         ::access((root + "/dev/dxg").c_str(), F_OK) == 0;
}

}  // namespace millrace::cuda
