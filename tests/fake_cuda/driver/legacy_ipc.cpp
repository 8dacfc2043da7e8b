#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

#include "millrace/tests/fake_cuda/driver/knobs.h"
#include "millrace/tests/fake_cuda/driver/machine.h"
#include "millrace/tests/fake_cuda/driver/memory.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"

// cuIpc*: the file of another process's allocation, mapped here too.
namespace fake_cuda {
namespace {

constexpr char kMagic[8] = "fakeipc";

// What a handle's 64 bytes hold.
struct Exported {
  char magic[8];
  Process owner;
  unsigned long long number;
  size_t bytes;
  int device;

  std::pair<Process, unsigned long long> allocation() const { return {owner, number}; }
};
static_assert(sizeof(Exported) <= sizeof(IpcMemHandle));

struct Import {
  DevicePtr address;
  size_t bytes;
  int opened;  // As often it has to be closed.
};

// Guarded by the address space's mutex. Never destroyed: watchers' threads use them.
auto& imports = *new std::map<std::pair<Process, unsigned long long>, Import>;
auto& watched = *new std::set<Process>;

void poison(const Import& import) { std::memset(pointer(import.address), kPoison, import.bytes); }

// Waits for the exporter's death, in a thread of its own, and does to its memory what was asked for.
void watch(const Process& exporter) {
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, exporter.pid, 0));
  struct pollfd died{pidfd, POLLIN, 0};
  while (pidfd >= 0 && ::poll(&died, 1, -1) != 1) {
  }
  ::close(pidfd);
  std::this_thread::sleep_for(std::chrono::milliseconds(knobs.teardown_delay_ms));
  const std::lock_guard lock(address_space().mutex);
  watched.erase(exporter);
  if (knobs.exporter_death != kBytesPoisoned) return;
  for (const auto& [allocation, import] : imports)
    if (allocation.first == exporter) poison(import);
}

// Under the lock.
Result open_import(const Exported& exported, Import* import) {
  const bool alive = is_alive(exported.owner);
  if (!alive && knobs.exporter_death == kCannotBeOpened) return kInvalidHandle;
  const int fd = ::open(file_of(exported.owner, exported.number).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return kInvalidHandle;  // Freed.
  void* const memory = map_file(fd, exported.bytes);
  ::close(fd);
  if (!memory) return kMapFailed;
  *import = {address_of(memory), exported.bytes, 0};
  if (!alive && knobs.exporter_death == kBytesPoisoned) poison(*import);
  if (alive && watched.insert(exported.owner).second) std::thread(watch, exported.owner).detach();
  return kSuccess;
}

}  // namespace

Result cuIpcGetMemHandle(IpcMemHandle* handle, DevicePtr address) {
  return with_context([&](int) -> Result {
    if (!knobs.legacy_ipc) return kNotSupported;
    auto& space = address_space();
    const std::lock_guard lock(space.mutex);
    const auto found = space.find(address);
    if (found == space.ranges.end() || found->second.number == 0) return kInvalidValue;
    found->second.exported = true;
    Exported exported{};
    std::memcpy(exported.magic, kMagic, sizeof kMagic);
    exported.owner = this_process();
    exported.number = found->second.number;
    exported.bytes = found->second.bytes;
    exported.device = found->second.device;
    *handle = {};
    std::memcpy(handle, &exported, sizeof exported);
    return kSuccess;
  });
}

Result cuIpcOpenMemHandle_v2(DevicePtr* address, IpcMemHandle handle, unsigned flags) {
  return with_context([&](int) -> Result {
    if (!knobs.legacy_ipc) return kNotSupported;
    Exported exported{};
    std::memcpy(&exported, &handle, sizeof exported);
    if (std::memcmp(exported.magic, kMagic, sizeof kMagic) != 0 || flags != kIpcMemLazyEnablePeerAccess)
      return kInvalidValue;
    if (exported.owner == this_process()) return kInvalidContext;
    auto& space = address_space();
    const std::lock_guard lock(space.mutex);
    auto found = imports.find(exported.allocation());
    if (found != imports.end() && knobs.double_open_fails) return kAlreadyMapped;
    if (found == imports.end()) {
      Import import{};
      if (const Result result = open_import(exported, &import)) return result;
      found = imports.emplace(exported.allocation(), import).first;
      space.add(import.address, {.bytes = import.bytes, .device = exported.device});
      ++counters.open_imports;
    }
    ++found->second.opened;
    *address = found->second.address;
    return kSuccess;
  });
}

Result cuIpcCloseMemHandle(DevicePtr address) {
  return with_context([&](int) -> Result {
    auto& space = address_space();
    const std::lock_guard lock(space.mutex);
    for (auto import = imports.begin(); import != imports.end(); ++import) {
      if (import->second.address != address) continue;
      if (--import->second.opened > 0) return kSuccess;
      space.ranges.erase(address);
      ::munmap(pointer(address), import->second.bytes);
      imports.erase(import);
      --counters.open_imports;
      return kSuccess;
    }
    return kInvalidValue;
  });
}

}  // namespace fake_cuda
