#include "millrace/sharing/process/reexec.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/os/execute.h"
#include "millrace/sharing/os/hidden_fork.h"
#include "millrace/sharing/os/signals_blocked.h"
#include "millrace/sharing/os/start_thread.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/child_entry.h"
#include "millrace/sharing/process/child_request.h"
#include "millrace/sharing/process/prologue.h"
#include "millrace/sharing/process/serve_forks.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

extern char** environ;

namespace millrace {
namespace {

// Holds the pid of the process that executed us; present only until init() has read it.
constexpr const char* kMarker = "MILLRACE_EXECUTED_BY";
constexpr int kSocketNumber = 3;
constexpr std::chrono::seconds kKeeperLimit{30};  // It takes a fork and an exec; this is for machines that swap.

// The role of a program executed afresh, once its main() reaches init().
enum class ReexecRole : uint8_t { kForkServer, kChild };

std::optional<pid_t> parse_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && pid > 0 ? std::optional(pid) : std::nullopt;
}

// The process of this user that made the socket pair of which `fd` is an end; nullopt when it is something else.
std::optional<pid_t> peer_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != ::geteuid()) return std::nullopt;
  return peer.pid;
}

[[noreturn]] void become_child(FdSocket socket, pid_t parent, bool die_with_parent) {
  auto message = socket.receive();
  if (!message) ::_exit(1);
  socket.close();
  ChildRequest request;
  DecodeArchive(message->bytes, {})(request);
  run_prologue({request.name, parent, die_with_parent});
  set_unsealed_memory(request.unsealed);
  const auto entry = resolve<std::remove_pointer_t<ChildEntry>>(request.entry);
  detail::run_child(entry, request.arguments, std::move(message->fds), request.name);
}

// This program, as execve wants it.
class ThisProgram {
 public:
  ThisProgram() : marker_(std::string(kMarker) + "=" + std::string(kDigits, '\0')) {
    for (char** entry = environ; *entry != nullptr; ++entry) environment_.push_back(*entry);
    environment_.push_back(marker_.data());
    environment_.push_back(nullptr);
  }

  // Who executes it. Allocates nothing.
  void set_parent(pid_t pid) noexcept {
    char* const digits = marker_.data() + marker_.size() - kDigits;
    *std::to_chars(digits, digits + kDigits - 1, pid).ptr = '\0';
  }

  char** arguments() { return arguments_.data(); }
  char** environment() { return environment_.data(); }

 private:
  static constexpr size_t kDigits = 12;

  std::string marker_;
  std::string name_ = "millrace";
  std::array<char*, 2> arguments_ = {name_.data(), nullptr};
  std::vector<char*> environment_;
};

bool g_takes_roles = false;  // This program, executed again, will call become_reexec_role() too.

void require_init() {
  if (::secure_getenv(kMarker) == nullptr && g_takes_roles) return;
  throw std::logic_error(
      "Millrace needs to start a process, but main() has not called millrace::init(argc, argv): make that its first "
      "statement");
}

void send_role(const FdSocket& socket, ReexecRole role, std::span<const int> fds) {
  const std::array message = {static_cast<std::byte>(role), static_cast<std::byte>(on_main_thread())};
  socket.send(message, fds);
}

// The keeper's message: the server's pid, or 0 and an errno.
struct KeeperReply {
  pid_t pid = 0;
  int error = 0;
};

// Memory of ours that a fork has and no use for. In one piece, as the keeper cannot allocate.
struct Ballast {
  struct Range {
    void* begin = nullptr;
    size_t bytes = 0;
    bool is_shared = false;
  };
  std::array<Range, 4096> ranges;
  size_t count = 0;
};

// All that is shared, which would not be free when it is nobody's any more, and the large copies of private memory,
// save for this thread's stack and thread-local variables.
Ballast find_ballast() {
  constexpr uintptr_t kLarge = 1 << 20;
  Ballast ballast;
  const auto stack = reinterpret_cast<uintptr_t>(&ballast);
  const auto thread_local_variable = reinterpret_cast<uintptr_t>(&errno);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line) && ballast.count < ballast.ranges.size();) {
    std::istringstream fields(line);
    uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::string access, offset, device;
    uint64_t inode = 0;
    fields >> std::hex >> begin >> dash >> end >> access >> offset >> device >> std::dec >> inode;
    const auto holds = [&](uintptr_t address) { return begin <= address && address < end; };
    const bool is_shared = access.ends_with('s');
    const bool is_copy = access == "rw-p" && inode == 0 && end - begin >= kLarge;
    if (!fields || !(is_shared || is_copy) || holds(stack) || holds(thread_local_variable)) continue;
    ballast.ranges[ballast.count++] = {reinterpret_cast<void*>(begin), end - begin, is_shared};
  }
  return ballast;
}

// --- The keeper. Other threads of the program may have held any lock at the fork, so it does only what a signal
// handler may do.

void close_from(int first) noexcept {
  if (::syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  rlimit limit{};  // In sandboxes that refuse the call.
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (int fd = first; static_cast<rlim_t>(fd) < std::min<rlim_t>(limit.rlim_cur, 1 << 20); ++fd) ::close(fd);
}

// Resets the program's signal handlers, as execve would: run here, they would find locks that nobody lets go.
void reset_handlers() noexcept {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action{};
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL)
      continue;
    action = {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
  }
}

// Runs in memory that it shares with the keeper, which waits for it to execute the program or to end.
struct Execution {
  ThisProgram& program;
  const sigset_t& signals;
  int socket;
  int error = 0;

  static int run(void* self) noexcept {
    auto& execution = *static_cast<Execution*>(self);
    reset_handlers();
    ::sigprocmask(SIG_SETMASK, &execution.signals, nullptr);
    ::dup2(execution.socket, kSocketNumber);
    close_from(kSocketNumber + 1);
    execution.error = become_this_program(execution.program.arguments(), execution.program.environment());
    ::_exit(1);
  }
};

void tell(int socket, const KeeperReply& reply, const std::array<int, 2>& fds) noexcept {
  detail::Frame frame;
  frame.bytes = sizeof reply;
  std::array<iovec, 2> parts = {iovec{&frame, sizeof frame}, iovec{const_cast<KeeperReply*>(&reply), sizeof reply}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fds)> control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  if (reply.pid != 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof fds);
  }
  // Nobody is left to be told where it fails.
  static_cast<void>(::sendmsg(socket, &message, MSG_NOSIGNAL));
}

// Gives memory back, and waits for the only child. By the kernel's own calls: what a sanitizer or a preloaded library
// puts around the others may want what lay in that memory.
[[noreturn]] __attribute__((no_sanitize("address", "thread", "undefined"))) void wait_without(
    const Ballast::Range* range, const Ballast::Range* end) noexcept {
  for (; range != end; ++range) {
    if (range->is_shared)
      ::syscall(SYS_munmap, range->begin, range->bytes);
    else
      ::syscall(SYS_madvise, range->begin, range->bytes, MADV_DONTNEED);
  }
  while (::syscall(SYS_wait4, -1, nullptr, 0, nullptr) > 0 || errno == EINTR) continue;
  for (;;) ::syscall(SYS_exit_group, 0);
}

// Executes the program, tells the process that we are a fork of, and waits for the program's end.
[[noreturn]] void keep(ThisProgram& program, int client, const sigset_t& signals, const Ballast& ballast) noexcept {
  ::prctl(PR_SET_NAME, "millrace-keeper");
  // Nothing stays open here that the program closes.
  if (client != kSocketNumber) ::dup2(client, kSocketNumber);
  close_from(kSocketNumber + 1);
  program.set_parent(::getpid());
  KeeperReply reply;
  std::array<int, 2> ends{};
  // The socket pair is made here, as the server believes only a socket that its parent has made.
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    reply.error = errno;
  } else {
    alignas(std::max_align_t) std::array<std::byte, 64 << 10> stack;
    Execution execution{program, signals, ends[1]};
    reply.pid = ::clone(&Execution::run, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, &execution);
    if (reply.pid < 0 || execution.error != 0) reply = {0, reply.pid < 0 ? errno : execution.error};
  }
  const int process = reply.pid == 0 ? -1 : static_cast<int>(::syscall(SYS_pidfd_open, reply.pid, 0));
  if (process < 0 && reply.pid != 0) {
    reply.error = errno;
    ::kill(reply.pid, SIGKILL);
    reply.pid = 0;
  }
  tell(kSocketNumber, reply, {ends[0], process});
  close_from(0);
  wait_without(ballast.ranges.data(), ballast.ranges.data() + ballast.count);
}

}  // namespace

namespace detail {

std::pair<pid_t, FdSocket> execute_child() {
  require_init();
  auto [ours, theirs] = FdSocket::pair();
  ThisProgram program;
  program.set_parent(::getpid());
  const pid_t pid = execute_this_program(program.arguments(), program.environment(), theirs.fd(), kSocketNumber);
  send_role(ours, ReexecRole::kChild, {});
  return {pid, std::move(ours)};
}

ExecutedServer execute_server() {
  require_init();
  auto [ours, theirs] = FdSocket::pair();
  const auto client = PidFd::open(::getpid());
  ThisProgram program;
  const Ballast ballast = find_ballast();
  auto keeper = [&] {
    const SignalsBlocked blocked;  // A handler of the program's would run in the keeper too.
    auto forked = fork_hidden();
    if (forked.pid == 0) keep(program, theirs.fd(), blocked.before(), ballast);
    return forked;
  }();
  theirs.close();
  ExecutedServer server;
  try {
    auto message = ours.receive(kKeeperLimit, "the process that executes this program afresh");
    KeeperReply reply;
    if (!message || message->bytes.size() != sizeof reply)
      throw std::runtime_error("the process that was to execute this program afresh was killed");
    std::memcpy(&reply, message->bytes.data(), sizeof reply);
    if (reply.error != 0) throw_start_error(reply.error, "execution of this program afresh");
    if (message->fds.size() != 2) throw std::runtime_error("no socket came from the program executed afresh");
    server = {reply.pid, PidFd(std::move(message->fds[1])), {}, FdSocket(std::move(message->fds[0]))};
    send_role(server.socket, ReexecRole::kForkServer, std::array{client.fd()});
  } catch (...) {
    // With the keeper goes the end of the server's socket that it may have, and with that the server.
    keeper.process.kill(SIGKILL);
    keeper.process.reap();
    throw;
  }
  server.keeper = std::move(keeper.process);
  return server;
}

void become_reexec_role() {
  g_takes_roles = true;
  const char* marker = ::secure_getenv(kMarker);
  if (marker == nullptr) return;
  const auto parent = parse_pid(marker);
  ::unsetenv(kMarker);
  // Anybody may set a variable. What comes over the socket is believed from a parent that made it, and from nobody
  // else.
  if (!parent || peer_of(kSocketNumber) != parent) return;
  if (::getppid() != parent) ::_exit(1);  // The parent has died: nobody needs this process, and it is no start of the
                                          // program.
  FdSocket socket{OwnedFd(kSocketNumber)};
  try {
    auto first = socket.receive();
    if (!first || first->bytes.size() != 2) ::_exit(1);
    const bool die_with_parent = first->bytes[1] != std::byte{0};
    if (static_cast<ReexecRole>(first->bytes[0]) == ReexecRole::kChild)
      become_child(std::move(socket), *parent, die_with_parent);
    if (first->fds.size() != 1) ::_exit(1);
    serve_forks(std::move(socket), PidFd(std::move(first->fds.front())));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "millrace, executed by process %d: %s\n", *parent, e.what());
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace detail

}  // namespace millrace
