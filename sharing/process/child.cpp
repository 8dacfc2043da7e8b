#include "millrace/sharing/process/child.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <sys/single_threaded.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <semaphore>
#include <string_view>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/start_thread.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/child_request.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/process_end.h"
#include "millrace/sharing/process/process_stat.h"
#include "millrace/sharing/process/prologue.h"
#include "millrace/sharing/process/reexec.h"

namespace millrace {

namespace {

// A report follows the death at once; then, a server may be slow, and at last, it may be stopped.
constexpr auto kReportUsual = std::chrono::milliseconds(20);
constexpr auto kReportLimit = std::chrono::seconds(1);
constexpr auto kKillLimit = std::chrono::seconds(1);

// Children of this process itself, from their start until their status is taken. Those that are left when the process
// ends would be killed by the kernel after it, and stay zombies under an init process that reaps nobody. A forked
// process gets a fresh one; its predecessor is left behind as it is, since a thread that exists in the parent only may
// hold its mutex.
struct OwnChildren {
  std::mutex mutex;
  std::vector<std::shared_ptr<const PidFd>> running;
  bool ended = false;

  static OwnChildren*& current() {
    static OwnChildren* children = [] {
      at_fork(ForkRank::kOwnChildren, {nullptr, nullptr, [] { current() = new OwnChildren; }});
      return new OwnChildren;
    }();
    return children;
  }

  // False when this process ends, and has ended them all.
  [[nodiscard]] bool add(std::shared_ptr<const PidFd> process) {
    at_process_end(&end_all);
    const std::lock_guard lock(mutex);
    if (ended) return false;
    std::erase_if(running, [](const auto& other) { return other.use_count() == 1 && reap_if_ended(*other); });
    running.push_back(std::move(process));
    return true;
  }

  void remove(const PidFd& process) {
    const std::lock_guard lock(mutex);
    std::erase_if(running, [&](const auto& other) { return other.get() == &process; });
  }

  static void end_all() noexcept {
    auto& children = *current();
    const std::lock_guard lock(children.mutex);
    children.ended = true;
    for (const auto& process : children.running) process->kill_if_allowed(SIGKILL);
    // Bounded: a process in an uninterruptible system call does not die.
    for (const auto& process : children.running)
      if (process->wait_ended(kKillLimit)) process->reap();
    children.running.clear();
  }

 private:
  // Reaps a process that nobody has a Child of any more, if it has ended.
  static bool reap_if_ended(const PidFd& process) {
    if (!process.wait_ended(std::chrono::nanoseconds(0))) return false;
    process.reap();
    return true;
  }
};
[[maybe_unused]] OwnChildren* const& kOwnChildrenAtLoad = OwnChildren::current();

// How a child of the fork server ended that the server has not reaped: the kernel shows it as long as the zombie stays,
// which is as long as no report has been made. nullopt when it has gone, and the report is on its way.
std::optional<ExitStatus> status_of_zombie(pid_t pid) {
  const auto stat = detail::process_stat(pid);
  if (!stat || stat->state != 'Z') return std::nullopt;
  return ExitStatus(stat->exit_code);
}

// Kills and reaps a child that cannot be handed to anybody, so that it does not run unowned.
void abandon(pid_t child) {
  ::kill(child, SIGKILL);
  detail::retry_interrupted([&] { return ::waitpid(child, nullptr, 0); });
}

bool g_runs_an_entry = false;  // True in a forked child of ours.
int g_returned_code = 0;       // The code of an entry that has returned.

// Has children that are forked while it lives call leave() at exit. The parent puts that into its own list of what is
// done at exit, as a child may not: the list has a lock, which in the child is never let go if another thread held it
// at the fork.
class LeaveInChild {
 public:
  LeaveInChild() {
    if (abi::__cxa_atexit(untyped(&run), parent(), this) != 0) throw std::bad_alloc();
  }
  LeaveInChild(const LeaveInChild&) = delete;
  LeaveInChild& operator=(const LeaveInChild&) = delete;
  ~LeaveInChild() { abi::__cxa_finalize(this); }  // Calls run() too, and takes it off the list.

 private:
  // A value and no pointer: a child that another thread forks has it too, and may use this thread's stack for something
  // else.
  static void* parent() { return reinterpret_cast<void*>(static_cast<intptr_t>(::getpid())); }

  // Casts by way of the type that compilers let pass.
  static auto untyped(void (*function)(void*, int)) -> void (*)(void*) {
    return reinterpret_cast<void (*)(void*)>(reinterpret_cast<void (*)()>(function));
  }

  // The C library gives every function of the list the exit code, also those whose type does not say so.
  static void run(void* registered_by, int code) {
    if (!g_runs_an_entry || registered_by == parent()) return;
    detail::leave(code != 0 ? code : g_returned_code, nullptr);
  }
};

// Held by who forks while it uses the list of what is done at exit, so that no child of another's finds the list's lock
// taken by us. A forked process gets a fresh one, as with OwnChildren.
std::mutex*& exit_list_mutex() {
  static std::mutex* mutex = [] {
    at_fork(ForkRank::kExitList, {nullptr, nullptr, [] { exit_list_mutex() = new std::mutex; }});
    return new std::mutex;
  }();
  return mutex;
}
[[maybe_unused]] std::mutex* const& kExitListMutexAtLoad = exit_list_mutex();

// Whether a thread of this process sleeps, as the kernel tells; also true where it does not. Without the streams of
// detail::process_stat(): the lock of the global locale, for one, may have been lost at the fork as well.
bool is_asleep(pid_t thread) noexcept {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "/proc/self/task/%d/stat", static_cast<int>(thread));
  const OwnedFd file(::open(text.data(), O_RDONLY | O_CLOEXEC));
  const auto got = file ? detail::retry_interrupted([&] { return ::read(file.get(), text.data(), text.size()); }) : 0;
  const std::string_view read(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
  const size_t state = read.rfind(") ");  // The state is behind the name, which has at most 15 bytes.
  return state == std::string_view::npos || state + 2 >= read.size() || read[state + 2] == 'S';
}

#if defined(__SANITIZE_THREAD__)
// ThreadSanitizer ends a child of a process with threads as soon as that child starts one.
constexpr bool kChildMayStartThreads = false;
#else
constexpr bool kChildMayStartThreads = true;
#endif

// Whether what is done at exit can be done in this child. Where a thread that exists in the parent only held the list's
// lock at the fork, nobody here gets it any more; then nobody here has registered anything either. Seen by a thread
// that asks for it: the C library has no other way. One that sleeps over that is taken to sleep for ever; one that
// could run has not been let run yet, as happens on a loaded machine, and gets longer.
bool exit_list_is_free() noexcept {
  if constexpr (!kChildMayStartThreads) return false;
  constexpr auto kToStart = std::chrono::seconds(5);
  constexpr auto kToLook = std::chrono::milliseconds(200);
  constexpr int kLooks = 15;  // 3 s of them.
  static std::binary_semaphore started(0), seen(0);
  static pid_t looking = 0;
  try {
    start_thread([] {
      static char nobodys = 0;
      looking = ::gettid();
      started.release();
      abi::__cxa_finalize(&nobodys);
      seen.release();
    }).detach();
  } catch (const std::exception&) {
    return false;  // No thread can be had: then rather too little is done than for ever.
  }
  if (!started.try_acquire_for(kToStart)) return false;
  for (int i = 0; i < kLooks; ++i) {
    if (seen.try_acquire_for(kToLook)) return true;
    if (is_asleep(looking)) break;
  }
  return seen.try_acquire();  // It may have slept over something shorter.
}

// std::exit(), save for the thread_local objects, of which some are copies of the parent's. Ends with LeaveInChild.
void run_own_exit_handlers(int code) noexcept {
  g_returned_code = code;
  abi::__cxa_finalize(nullptr);
}

enum class Threads { kOne, kMaybeMore };

// No exception may leave: it would unwind into the parent's program, and that would run twice.
[[noreturn]] void run_forked(const Prologue& prologue, const ChildSpec& spec, std::vector<OwnedFd> fds,
                             Threads in_parent) noexcept {
  g_runs_an_entry = true;
  run_prologue(prologue);
  const int code = detail::run_entry(spec.entry, spec.arguments, std::move(fds), spec.name);
  if (in_parent == Threads::kOne || exit_list_is_free()) run_own_exit_handlers(code);
  detail::leave(code, nullptr);
}

pid_t fork_here(const ChildSpec& spec) {
  std::fflush(nullptr);  // Else what is buffered would be printed by both.
  std::vector<OwnedFd> copies = [&] {
    EncodeArchive archive;
    for (const int fd : spec.fds) archive.attach(fd);
    return archive.take().fds;
  }();
  note_loaded_modules();
  const std::lock_guard list(*exit_list_mutex());
  const LeaveInChild leave_in_child;
  const Prologue prologue{spec.name, ::getpid(), on_main_thread()};
  const auto threads = __libc_single_threaded != 0 ? Threads::kOne : Threads::kMaybeMore;
  const pid_t pid = ::fork();
  if (pid < 0) detail::throw_start_error(errno, "fork");
  // run_forked() never returns, and so never unlocks what is left behind.
  if (pid == 0) run_forked(prologue, spec, std::move(copies), threads);
  return pid;
}

pid_t spawn_program(const ChildSpec& spec) {
  const auto entry = identify(spec.entry);
  const auto [pid, socket] = detail::execute_child();
  try {
    socket.send(encode(ChildRequest{entry, spec.arguments, spec.name, unsealed_memory()}).bytes, spec.fds);
  } catch (...) {
    abandon(pid);
    throw;
  }
  return pid;
}

}  // namespace

Child start_child(StartMethod method, const ChildSpec& spec) {
  if (method == StartMethod::kForkServer) {
    auto made =
        ForkServer::instance().start({identify(spec.entry), spec.arguments, spec.name, unsealed_memory()}, spec.fds);
    return {made.pid, std::make_shared<const PidFd>(std::move(made.process)), std::move(made.status)};
  }
  const pid_t pid = method == StartMethod::kFork ? fork_here(spec) : spawn_program(spec);
  try {
    Child child(pid, std::make_shared<const PidFd>(PidFd::open(pid)), OwnedFd());
    if (OwnChildren::current()->add(child.pidfd_)) return child;
  } catch (...) {
    abandon(pid);
    throw;
  }
  abandon(pid);
  detail::refuse_start_at_process_end();
}

std::optional<ExitStatus> Child::wait(Timeout timeout) {
  if (ended_ || !pidfd_->wait_ended(timeout)) return ended_;
  if (!status_ || poll_readable(status_.get(), kReportUsual)) {
    ended_ = collect();
  } else {
    // The pidfd says that it has ended, whatever a server that is stopped does not say.
    ended_ = status_of_zombie(pid_);
    if (!ended_) ended_ = poll_readable(status_.get(), kReportLimit) ? collect() : ExitStatus::unknown();
  }
  return ended_;
}

ExitStatus Child::collect() {
  if (!status_) {
    // Taken already when somebody else has waited for any child of this process.
    const auto status = pidfd_->reap();
    OwnChildren::current()->remove(*pidfd_);
    return status ? ExitStatus(*status) : ExitStatus::unknown();
  }
  int status = 0;
  // End of file means that the server died too.
  const auto got = detail::retry_interrupted([&] { return ::read(status_.get(), &status, sizeof status); });
  return got == static_cast<ssize_t>(sizeof status) ? ExitStatus(status) : ExitStatus::unknown();
}

}  // namespace millrace
