#include <cstring>
#include <string>
#include <vector>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/vmm.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace gpu_check {
namespace {

using millrace::OwnedFd;
using namespace millrace::cuda;

constexpr size_t kWords = 16 << 20;  // 64 MiB.
constexpr uint32_t kFirst = 7;
constexpr int kOthers = 8;  // 512 MiB.
constexpr int kImports = 1000;
constexpr size_t kImportBytes = 2 << 20;

// A handle as a message.
struct Handle {
  api::IpcMemHandle value{};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(value.reserved);
  }
};

Handle handle_of(api::DevicePtr address) {
  Handle handle;
  MILLRACE_CUDA(ipc_get_mem_handle, &handle.value, address);
  return handle;
}

void wait_for_the_end(mp::Connection& connection) { connection.recv<int>(); }

// Other memory of this process, overwritten: what was freed by the driver would be used again here.
std::string overwrite_other_memory() {
  constexpr size_t kBytes = kWords * sizeof(uint32_t);
  const std::vector<uint32_t> words(kWords, 0xEEEEEEEE);
  const auto& driver = Driver::get().entry();
  api::DevicePtr other = 0;
  const api::Result result = driver.mem_alloc(&other, kOthers * kBytes);
  if (result != api::kSuccess) return "512 MiB of other memory: " + name_of(result);
  for (int i = 0; i < kOthers; ++i)
    MILLRACE_CUDA(memcpy_htod, other + static_cast<size_t>(i) * kBytes, words.data(), kBytes);
  driver.mem_free(other);
  return "";
}

void export_by_handle(mp::Connection& connection) {
  const CurrentContext context(0);
  const DeviceWords memory(kWords);
  fill(memory.address(), kWords, kFirst);
  connection.send(handle_of(memory.address()));
  wait_for_the_end(connection);
}

// Gets the handle, says whether it could be opened, looks at the memory when told that the exporter is dead.
void import_by_handle(mp::Connection& connection) {
  const auto handle = connection.recv<Handle>();
  const CurrentContext context(0);
  const auto& driver = Driver::get().entry();
  api::DevicePtr address = 0;
  const auto start = Clock::now();
  const api::Result result = driver.ipc_open_mem_handle(&address, handle.value, api::kIpcMemLazyEnablePeerAccess);
  row("1, 7 legacy IPC: open", text("%s, %.3f ms", name_of(result).c_str(), ms_since(start)));
  connection.send(result == api::kSuccess);
  if (result != api::kSuccess) return;
  row("1 bytes while the exporter lives", verify(address, kWords, kFirst));
  connection.send(true);
  connection.recv<int>();
  row("1 bytes after the exporter's SIGKILL", verify(address, kWords, kFirst));
  const auto other = overwrite_other_memory();
  row("1 bytes after 512 MiB of other memory were overwritten",
      other.empty() ? verify(address, kWords, kFirst) : other);
  api::DevicePtr again = 0;
  row("1 opening the dead exporter's handle again",
      name_of(driver.ipc_open_mem_handle(&again, handle.value, api::kIpcMemLazyEnablePeerAccess)));
  row("1 close", name_of(driver.ipc_close_mem_handle(address)));
}

void export_by_descriptor(mp::Connection& connection) {
  const CurrentContext context(0);
  const auto segment = DeviceSegment::create(0, kWords * 4, "the check");
  const MappedDeviceSegment mapped(segment);
  fill(mapped.address(), kWords, kFirst);
  connection.send(segment.export_fd());
  wait_for_the_end(connection);
}

void import_by_descriptor(mp::Connection& connection) {
  const auto fd = connection.recv<OwnedFd>();
  const CurrentContext context(0);
  const auto start = Clock::now();
  const auto segment = DeviceSegment::adopt(0, kWords * 4, fd);
  const MappedDeviceSegment mapped(segment);
  row("2 VMM: import, reserve, map, access of 64 MiB", text("%.3f ms", ms_since(start)));
  row("2 bytes while the exporter lives", verify(mapped.address(), kWords, kFirst));
  connection.send(true);
  connection.recv<int>();
  row("2 bytes after the exporter's SIGKILL", verify(mapped.address(), kWords, kFirst));
  const auto other = overwrite_other_memory();
  row("2 bytes after 512 MiB of other memory were overwritten",
      other.empty() ? verify(mapped.address(), kWords, kFirst) : other);
  api::AllocationHandle again = 0;
  // The ABI wants the descriptor as a pointer.
  const auto shareable = reinterpret_cast<void*>(static_cast<intptr_t>(fd.get()));
  const api::Result result =
      Driver::get().entry().mem_import_from_shareable_handle(&again, shareable, api::kMemHandleTypePosixFd);
  row("2 importing the descriptor again after the death", name_of(result));
  if (result == api::kSuccess) MILLRACE_CUDA(mem_release, again);
}

// Blocks of their own, so that each import opens another one.
void export_many(mp::Connection& connection) {
  const CurrentContext context(0);
  std::vector<Handle> handles;
  for (int i = 0; i < kImports; ++i) {
    api::DevicePtr address = 0;
    MILLRACE_CUDA(mem_alloc, &address, kImportBytes);
    handles.push_back(handle_of(address));
  }
  connection.send(handles);
  wait_for_the_end(connection);
}

void import_many(mp::Connection& connection) {
  const auto handles = connection.recv<std::vector<Handle>>();
  const CurrentContext context(0);
  std::vector<double> open_ms, close_ms;
  std::vector<api::DevicePtr> addresses;
  size_t free_before = 0, free_after = 0, total = 0;
  MILLRACE_CUDA(mem_get_info, &free_before, &total);
  for (const auto& handle : handles) {
    const auto start = Clock::now();
    MILLRACE_CUDA(ipc_open_mem_handle, &addresses.emplace_back(), handle.value, api::kIpcMemLazyEnablePeerAccess);
    open_ms.push_back(ms_since(start));
  }
  MILLRACE_CUDA(mem_get_info, &free_after, &total);
  for (const auto address : addresses) {
    const auto start = Clock::now();
    MILLRACE_CUDA(ipc_close_mem_handle, address);
    close_ms.push_back(ms_since(start));
  }
  row(text("8 legacy IPC: open / close of %d blocks of 2 MiB, median", kImports),
      text("%.3f / %.3f ms", median(open_ms), median(close_ms)));
  row("8 the first and the last open", text("%.3f, %.3f ms", open_ms.front(), open_ms.back()));
  row("8 device memory that the imports took",
      text("%.1f MiB", static_cast<double>(free_before - free_after) / 1048576));
}

void map_many(mp::Connection& connection) {
  const CurrentContext context(0);
  std::vector<double> made_ms, adopted_ms;
  for (int i = 0; i < kImports; ++i) {
    auto start = Clock::now();
    const auto segment = DeviceSegment::create(0, kImportBytes, "the check");
    const MappedDeviceSegment mapped(segment);
    made_ms.push_back(ms_since(start));
    const OwnedFd fd = segment.export_fd();
    start = Clock::now();
    const auto adopted = DeviceSegment::adopt(0, segment.bytes(), fd);
    const MappedDeviceSegment again(adopted);
    adopted_ms.push_back(ms_since(start));
  }
  row("8 VMM: create and map / import and map, 2 MiB, median",
      text("%.3f / %.3f ms", median(made_ms), median(adopted_ms)));
  connection.send(0);
}

}  // namespace

void dead_exporter() {
  Role exporter(export_by_handle);
  const auto handle = exporter.hear<Handle>();
  Role importer(import_by_handle);
  importer.tell(handle);
  if (!importer.hear<bool>()) return importer.finish();
  importer.hear<bool>();
  exporter.kill();
  importer.tell(0);
  importer.finish();
}

void dead_vmm_exporter() {
  Role exporter(export_by_descriptor);
  const auto fd = exporter.hear<OwnedFd>();
  Role importer(import_by_descriptor);
  importer.tell(fd);
  importer.hear<bool>();
  exporter.kill();
  importer.tell(0);
  importer.finish();
}

void imports() {
  Role exporter(export_many);
  const auto handles = exporter.hear<std::vector<Handle>>();
  Role importer(import_many);
  importer.tell(handles);
  importer.finish();
  exporter.kill();
  Role mapper(map_many);
  mapper.hear<int>();
  mapper.finish();
}

}  // namespace gpu_check
