#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/device/compile.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/process/start_method.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace gpu_check {
namespace {

using namespace millrace::cuda;

constexpr int kProcesses = 3;
constexpr size_t kVictimBytes = size_t{2} << 30;
constexpr unsigned long long kKernelNs = 1'000'000'000;

size_t free_bytes() {
  size_t free = 0, total = 0;
  MILLRACE_CUDA(mem_get_info, &free, &total);
  return free;
}

struct ContextMade {
  double ms = 0;
  size_t free_after = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(ms, free_after);
  }
};

void make_context(mp::Connection& connection) {
  const auto start = Clock::now();
  const CurrentContext context(0);
  ContextMade made;
  made.ms = ms_since(start);
  made.free_after = free_bytes();
  connection.send(made);
  connection.recv<int>();
}

void say_status(mp::Connection& connection) { connection.send(Driver::status().text); }

// Uses CUDA, then forks: what the child is told.
void fork_after_cuda(mp::Connection& connection) {
  const CurrentContext context(0);
  auto [ours, theirs] = mp::Pipe();
  mp::Process child(millrace::StartMethod::kFork, say_status, std::move(theirs));
  child.start();
  connection.send(ours.recv<std::string>());
  child.join(std::chrono::seconds(60));
}

// A second of work in flight, and 2 GiB.
void work_and_wait(mp::Connection& connection) {
  constexpr const char* kSpin = R"(
    extern "C" __global__ void spin(unsigned long long ns) {
      unsigned long long start, now;
      asm volatile("mov.u64 %0, %globaltimer;" : "=l"(start));
      do asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now)); while (now - start < ns);
    })";
  const CurrentContext context(0);
  int major = 0, minor = 0;
  api::Device number = 0;
  MILLRACE_CUDA(device_get, &number, 0);
  MILLRACE_CUDA(device_get_attribute, &major, api::kDeviceComputeCapabilityMajor, number);
  MILLRACE_CUDA(device_get_attribute, &minor, api::kDeviceComputeCapabilityMinor, number);
  const auto code = millrace::device::compile_cuda({"spin.cu", kSpin}, {}, 10 * major + minor);
  api::Module module = nullptr;
  api::Function spin = nullptr;
  MILLRACE_CUDA(module_load_data, &module, code.data());
  MILLRACE_CUDA(module_get_function, &spin, module, "spin");
  api::DevicePtr memory = 0;
  MILLRACE_CUDA(mem_alloc, &memory, kVictimBytes);
  unsigned long long ns = kKernelNs;
  void* parameters[] = {&ns};
  MILLRACE_CUDA(launch_kernel, spin, 1, 1, 1, 1, 1, 1, 0, nullptr, parameters, nullptr);
  connection.send(free_bytes());
  connection.recv<int>();
}

// Is told how much was free when the victim lived, and at which moment it was killed; says after how many milliseconds
// its memory was free again, or -1.
void watch_memory(mp::Connection& connection) {
  const CurrentContext context(0);
  connection.send(0);
  const auto [low, killed_ns] = connection.recv<size_t, int64_t>();
  const Clock::time_point killed{Clock::duration(killed_ns)};
  while (ms_since(killed) < 15'000) {
    if (free_bytes() > low + kVictimBytes / 2) {
      connection.send(ms_since(killed));
      return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  connection.send(-1.0);
}

}  // namespace

void contexts() {
  std::vector<std::unique_ptr<Role>> roles;
  std::vector<ContextMade> made;
  for (int i = 0; i < kProcesses; ++i) {
    roles.push_back(std::make_unique<Role>(make_context));
    made.push_back(roles.back()->hear<ContextMade>());
  }
  std::string times;
  for (const auto& one : made) times += text("%s%.0f", times.empty() ? "" : ", ", one.ms);
  row(text("4 a context in each of %d children of the fork server", kProcesses), "ok, in " + times + " ms");
  row("9 device memory of one more context",
      text("%.0f MiB", static_cast<double>(made[0].free_after - made[1].free_after) / 1048576));
  const auto start = Clock::now();
  const CurrentContext context(0);
  row("4 and in their parent, while theirs are there", text("ok, in %.0f ms", ms_since(start)));
  for (const auto& role : roles) {
    role->tell(0);
    role->finish();
  }
  Role forker(fork_after_cuda);
  row("4 fork after CUDA: the child is told", forker.hear<std::string>());
  forker.finish();
}

void teardown() {
  if (const auto why = millrace::device::why_no_cuda_compiler()) throw Skipped(*why);
  Role observer(watch_memory);
  observer.hear<int>();
  Role victim(work_and_wait);
  const auto low = victim.hear<size_t>();
  const auto killed = Clock::now();
  victim.kill();
  row("3 SIGKILL with a 1 s kernel in flight: the process is gone after", text("%.1f ms", ms_since(killed)));
  observer.tell(low, std::chrono::duration_cast<std::chrono::nanoseconds>(killed.time_since_epoch()).count());
  const auto back_ms = observer.hear<double>();
  row("3 its 2 GiB are free after", back_ms < 0 ? "more than 15 s" : text("%.1f ms", back_ms));
  observer.finish();
}

}  // namespace gpu_check
