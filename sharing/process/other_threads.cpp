#include "millrace/sharing/process/other_threads.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <memory>

#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {
namespace {

using Clock = std::chrono::steady_clock;

// The longest look at all threads together, where some run on; it is spent where no server can fork anyway. On a busy
// machine a thread that has only just been started gets no processor for some milliseconds.
constexpr std::chrono::milliseconds kLookFor{100};

// Everybody's threads run their code.
bool is_of_the_system(const std::string& library) {
  const std::string file = library.substr(library.rfind('/') + 1);
  constexpr std::array kSystem = {"libc.so", "libpthread.so", "ld-linux", "libstdc++.so", "libgcc_s.so", "linux-vdso"};
  return file.empty() || std::any_of(kSystem.begin(), kSystem.end(), [&](auto name) { return file.starts_with(name); });
}

// The end of the stack of a thread that waits in the kernel; 0 while it runs, or where the kernel does not say.
uintptr_t stack_pointer_of(const std::string& task) {
  std::ifstream file(task + "/syscall");
  std::string word;
  // The call's number, its six arguments, the stack pointer; after -1, which is no call, the stack pointer.
  if (!(file >> word) || word == "running") return 0;
  for (int skipped = word == "-1" ? 0 : 6; skipped > 0; --skipped) file >> word;
  uintptr_t pointer = 0;
  return file >> std::hex >> pointer ? pointer : 0;
}

// The nearest caller that is not the system's. The addresses it returns to lie on the stack, newest first.
std::string library_of(const std::string& task, Clock::time_point deadline) {
  std::array<uintptr_t, 4096> words{};
  uintptr_t from = stack_pointer_of(task);
  // One that has only just been started runs until it waits for its first work.
  while (from == 0 && Clock::now() < deadline) {
    ::sched_yield();
    from = stack_pointer_of(task);
  }
  if (from == 0) return {};
  const iovec ours{words.data(), sizeof words};
  // The stack is read page by page, since it may end earlier, and through the kernel, which says so instead of killing
  // us.
  constexpr size_t kPage = 4096;
  std::vector<iovec> theirs;
  for (uintptr_t at = from; at < from + sizeof words;) {
    const size_t size = std::min(kPage - at % kPage, from + sizeof words - at);
    theirs.push_back({reinterpret_cast<void*>(at), size});
    at += size;
  }
  const auto got = ::process_vm_readv(::getpid(), &ours, 1, theirs.data(), theirs.size(), 0);
  for (size_t i = 0; got > 0 && i < static_cast<size_t>(got) / sizeof(uintptr_t); ++i) {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(words[i]), &info) != 0 && info.dli_fname != nullptr &&
        !is_of_the_system(info.dli_fname))
      return info.dli_fname;
  }
  return {};
}

}  // namespace

std::string OtherThread::str() const { return in_quotes(name) + (library.empty() ? "" : " of " + printable(library)); }

std::string names_of(const std::vector<OtherThread>& threads) {
  std::string text;
  for (const auto& thread : threads) text += (text.empty() ? "" : ", ") + thread.str();
  return text;
}

std::vector<OtherThread> other_threads() {
  std::vector<OtherThread> threads;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/task"), &::closedir);
  if (!directory && errno != ENOENT) throw_syscall_error(errno, "opendir", "/proc/self/task");
  if (!directory) return {{"?", ""}};  // Without /proc, acts as though there were a thread.
  const std::string self = std::to_string(::gettid());
  const auto deadline = Clock::now() + kLookFor;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] == '.' || entry->d_name == self) continue;
    const std::string task = std::string("/proc/self/task/") + entry->d_name;
    OtherThread thread{"?", library_of(task, deadline)};
    std::ifstream comm(task + "/comm");
    std::getline(comm, thread.name);
    threads.push_back(std::move(thread));
  }
  return threads;
}

}  // namespace millrace::detail
