#include <dlfcn.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/pinned.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace gpu_check {
namespace {

using namespace millrace;
using namespace millrace::cuda;

constexpr int64_t kBatch = 512;
constexpr size_t kPixels = 3 * 224 * 224;
constexpr size_t kBatchBytes = kBatch * kPixels;  // 77 MB.
constexpr size_t kSegmentBytes = size_t{1} << 30;
constexpr int kCopies = 9;

// Pictures of pixels that follow from their index, written by workers.
struct Frames {
  size_t size() const { return 4 * kBatch; }
  SampleSpec spec() const { return {{"image", c10::ScalarType::Byte, {3, 224, 224}}}; }
  static uint8_t pixel(size_t index, size_t place) { return static_cast<uint8_t>(31 * index + place); }
  void read(size_t index, SampleRow& row, SampleContext&) const {
    const auto pixels = row.span<uint8_t>("image");
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = pixel(index, i);
  }
  template <class Archive>
  void serialize(Archive&) {}
};

// GB/s of copies of a batch's size, median.
double rate(const void* host, api::DevicePtr there, const OwnedStream& stream) {
  std::vector<double> rates;
  for (int i = 0; i < kCopies; ++i) {
    const auto start = Clock::now();
    MILLRACE_CUDA(memcpy_htod_async, there, host, kBatchBytes, stream.get());
    MILLRACE_CUDA(stream_synchronize, stream.get());
    rates.push_back(static_cast<double>(kBatchBytes) / ms_since(start) / 1e6);
  }
  return median(rates);
}

// Memory that the driver allocates and pins itself. Only this check wants it, so that the table of entry points that
// ships does not have it.
class HostAlloc {
 public:
  HostAlloc() {
    const char* const named = std::getenv("MILLRACE_CUDA_DRIVER");
    void* const library = ::dlopen(named ? named : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    const auto allocate =
        library ? reinterpret_cast<api::Result (*)(void**, size_t, unsigned)>(::dlsym(library, "cuMemHostAlloc"))
                : nullptr;
    free_ = library ? reinterpret_cast<api::Result (*)(void*)>(::dlsym(library, "cuMemFreeHost")) : nullptr;
    if (!allocate || !free_) return;
    const api::Result result = allocate(&memory_, kBatchBytes, api::kMemHostRegisterPortable);
    if (result != api::kSuccess) throw std::runtime_error("cuMemHostAlloc: " + name_of(result));
    std::memset(memory_, 1, kBatchBytes);
  }
  HostAlloc(const HostAlloc&) = delete;
  HostAlloc& operator=(const HostAlloc&) = delete;
  ~HostAlloc() {
    if (memory_) free_(memory_);
  }

  const void* memory() const { return memory_; }

 private:
  api::Result (*free_)(void*) = nullptr;
  void* memory_ = nullptr;
};

// How long it takes to pin a GiB that another process wrote.
void register_segment(const std::string& pages, unsigned flags, int advice) {
  const std::string question = "5 memfd of 1 GiB, " + pages;
  const OwnedFd fd(::memfd_create("gpu_check", flags | MFD_CLOEXEC));
  if (!fd || ::ftruncate(fd.get(), kSegmentBytes) != 0)
    return row(question, std::string("not to be had: ") + std::strerror(errno));
  void* const memory = ::mmap(nullptr, kSegmentBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return row(question, std::string("not to be had: ") + std::strerror(errno));
  const std::unique_ptr<void, void (*)(void*)> mapping(memory, [](void* at) { ::munmap(at, kSegmentBytes); });
  if (advice != 0) ::madvise(memory, kSegmentBytes, advice);
  auto start = Clock::now();
  std::memset(memory, 0x5A, kSegmentBytes);
  const double touched_ms = ms_since(start);
  start = Clock::now();
  auto pinned = std::make_optional<PinnedSpan>(std::span(static_cast<std::byte*>(memory), kSegmentBytes), 0);
  const double pinned_ms = ms_since(start);
  start = Clock::now();
  pinned.reset();
  row(question + ": first write / pin / unpin", text("%.0f / %.0f / %.0f ms", touched_ms, pinned_ms, ms_since(start)));
}

std::string described(const void* memory) {
  constexpr int kHostMemory = 1;
  int type = 0;
  const auto& driver = Driver::get().entry();
  const auto address = reinterpret_cast<api::DevicePtr>(memory);
  const api::Result result = driver.pointer_get_attribute(&type, api::kPointerMemoryType, address);
  if (result != api::kSuccess) return name_of(result);
  return type == kHostMemory ? "host memory" : text("memory of type %d", type);
}

size_t wrong_pixels(const Batch& batch, const std::vector<uint8_t>& found) {
  size_t wrong = 0;
  for (size_t sample = 0; sample < static_cast<size_t>(batch.size()); ++sample) {
    const auto index = static_cast<size_t>(batch.indices()[sample]);
    for (size_t i = 0; i < kPixels; ++i) wrong += found[sample * kPixels + i] != Frames::pixel(index, i);
  }
  return wrong;
}

}  // namespace

void pinning() {
  const CurrentContext context(0);
  register_segment("pages of 4 KiB", 0, 0);
  register_segment("huge pages advised", 0, MADV_HUGEPAGE);
  register_segment("huge pages reserved", MFD_HUGETLB, 0);

  const auto start = Clock::now();
  auto loader = make_data_loader(Frames(), DataLoaderOptions(kBatch).num_workers(2).pin_memory(true));
  const double made_ms = ms_since(start);
  const auto stats = loader->stats();
  row("5 a loader's arena", stats.pin_error.empty() ? text("%.0f MiB pinned, loader made in %.0f ms",
                                                           static_cast<double>(stats.pinned_bytes) / 1048576, made_ms)
                                                    : stats.pin_error);
  const auto batch = loader->next();
  if (!batch || batch->size() != kBatch) throw std::runtime_error("the loader gave no whole batch");
  const auto* const pixels = batch->data().const_data_ptr<uint8_t>();
  row("6 what the driver says of a batch's memory", described(pixels));

  const OwnedStream stream(0);
  api::DevicePtr there = 0;
  MILLRACE_CUDA(mem_alloc, &there, kBatchBytes);
  const double arena = rate(pixels, there, stream);
  std::vector<uint8_t> found(kBatchBytes);
  MILLRACE_CUDA(memcpy_dtoh, found.data(), there, kBatchBytes);
  const size_t wrong = wrong_pixels(*batch, found);
  if (wrong > 0) throw std::runtime_error(text("%zu pixels on the device are not what the workers wrote", wrong));
  row("6 pixels on the device, copied from the address that the workers wrote", "all as written");
  const std::vector<uint8_t> pageable(kBatchBytes, 1);
  const double from_pageable = rate(pageable.data(), there, stream);
  const HostAlloc own;
  if (own.memory()) {
    const double best = rate(own.memory(), there, stream);
    row("6 host to device, 77 MB: arena / cuMemHostAlloc / pageable",
        text("%.1f / %.1f / %.1f GB/s: the arena has %.1f %% of the best", arena, best, from_pageable,
             100 * arena / best));
  } else {
    row("6 host to device, 77 MB: arena / pageable", text("%.1f / %.1f GB/s", arena, from_pageable));
  }
  MILLRACE_CUDA(mem_free, there);
}

}  // namespace gpu_check
