#include "millrace/sharing/process/serve_forks.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/start_thread.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/child_entry.h"
#include "millrace/sharing/process/child_request.h"
#include "millrace/sharing/process/errors.h"
#include "millrace/sharing/process/other_threads.h"
#include "millrace/sharing/process/prologue.h"

namespace millrace {
namespace {

constexpr auto kTerminateGrace = std::chrono::seconds(1);  // Between SIGTERM and SIGKILL once the client is gone.

// A fork copies only the calling thread: what the others held is locked for ever in the child.
void require_single_thread() {
  const auto others = detail::other_threads();
  if (others.empty()) return;
  throw ServerHasThreads(
      "the fork server cannot fork safely, because other threads run in it, as in this program when "
      "init() is called: " +
      detail::names_of(others) +
      ". Keep them from starting (OPENBLAS_NUM_THREADS=1 for OpenBLAS; without a profiler's or "
      "debugger's library; threads of the program's own start after millrace::init()), or use "
      "StartMethod::kSpawn, worker threads, or 0 workers");
}

sigset_t server_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigaddset(&set, SIGTERM);
  return set;
}

// The server process: one loop over requests, deaths of children, and the client's end.
class Server {
 public:
  Server(FdSocket client, PidFd client_process)
      : client_(std::move(client)), client_process_(std::move(client_process)) {
    const auto set = server_signals();
    MILLRACE_SYSCALL(::sigprocmask(SIG_SETMASK, &set, nullptr));
    signals_ = OwnedFd(MILLRACE_SYSCALL(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)));
  }

  void run() {
    while (client_alive_) {
      wait(-1);
      reap();
    }
    end_children();
  }

 private:
  void wait(int timeout_ms) {
    std::array<pollfd, 3> watched = {pollfd{signals_.get(), POLLIN, 0}, pollfd{client_.fd(), POLLIN, 0},
                                     pollfd{client_process_.fd(), POLLIN, 0}};
    const nfds_t count = client_alive_ ? watched.size() : 1;
    const int ready = ::poll(watched.data(), count, timeout_ms);
    if (ready < 0 && errno != EINTR) detail::throw_syscall_error(errno, "poll", "fork server");
    if (ready <= 0) return;
    if (watched[0].revents != 0) read_signals();
    // End of file alone may not come: somebody else may hold a copy of the client's socket.
    if (watched[2].revents != 0) client_alive_ = false;
    if (client_alive_ && watched[1].revents != 0) serve();
  }

  void read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      if (info.ssi_signo == SIGTERM) client_alive_ = false;
  }

  void serve() {
    // Every message gets exactly one reply, also one that arrived damaged.
    ChildReply reply;
    std::vector<OwnedFd> fds;
    try {
      auto message = client_.receive();
      if (!message) {
        client_alive_ = false;
        return;
      }
      ChildRequest request;
      DecodeArchive(message->bytes, {})(request);
      reply.pid = start(request, std::move(message->fds), fds);
    } catch (const std::exception& e) {
      fds.clear();
      reply.error = e.what();
      reply.has_threads = dynamic_cast<const ServerHasThreads*>(&e) != nullptr;
    }
    const auto bytes = encode(reply).bytes;
    std::vector<int> numbers;
    for (const auto& fd : fds) numbers.push_back(fd.get());
    try {
      client_.send(bytes, numbers);
    } catch (const PeerGone&) {
      client_alive_ = false;
    }
  }

  // Forks; `for_client` receives the pidfd and the end of a pipe on which the exit status will come.
  pid_t start(const ChildRequest& request, std::vector<OwnedFd> fds, std::vector<OwnedFd>& for_client) {
    require_single_thread();
    const auto entry = resolve<std::remove_pointer_t<ChildEntry>>(request.entry);
    std::array<int, 2> status_pipe{};
    MILLRACE_SYSCALL(::pipe2(status_pipe.data(), O_CLOEXEC));
    OwnedFd status_out(status_pipe[0]);
    OwnedFd status_in(status_pipe[1]);
    const Prologue prologue{request.name, ::getpid(), true};
    const pid_t pid = ::fork();
    if (pid < 0) detail::throw_start_error(errno, "fork");
    if (pid == 0) run(entry, request, std::move(fds), prologue);
    status_of_.emplace(pid, std::move(status_in));
    try {
      // Race-free: only this process reaps its children, and it does so between requests.
      for_client.push_back(PidFd::open(pid).take());
    } catch (const SyscallError&) {
      ::kill(pid, SIGKILL);  // The client will never know of it.
      throw;
    }
    for_client.push_back(std::move(status_out));
    return pid;
  }

  // No exception may leave: it would unwind into the server's loop, and there would be two servers.
  [[noreturn]] static void run(ChildEntry entry, const ChildRequest& request, std::vector<OwnedFd> fds,
                               const Prologue& prologue) noexcept {
    run_prologue(prologue);
    set_unsealed_memory(request.unsealed);
    std::vector<int> keep;
    for (const auto& fd : fds) keep.push_back(fd.get());
    close_all_descriptors_except(keep);
    detail::run_child(entry, request.arguments, std::move(fds), request.name);
  }

  void reap() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return;
      const auto it = status_of_.find(pid);
      if (it == status_of_.end()) continue;
      // Nobody reads it when the client has dropped the Child; that is its right.
      if (::write(it->second.get(), &status, sizeof status) < 0) errno = 0;
      status_of_.erase(it);
    }
  }

  void end_children() {
    using Clock = std::chrono::steady_clock;
    for (const auto& [pid, status] : status_of_) ::kill(pid, SIGTERM);
    const auto deadline = Clock::now() + kTerminateGrace;
    for (reap(); !status_of_.empty(); reap()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) break;
      wait(static_cast<int>(left));
    }
    for (const auto& [pid, status] : status_of_) ::kill(pid, SIGKILL);
    // Reaped before we exit: an init process that never reaps would keep orphans as zombies.
    while (!status_of_.empty()) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, 0);
      if (pid < 0 && errno != EINTR) break;
      status_of_.erase(pid);
    }
  }

  FdSocket client_;
  PidFd client_process_;
  OwnedFd signals_;
  bool client_alive_ = true;
  std::map<pid_t, OwnedFd> status_of_;  // Children not yet reaped, and where their status goes.
};

}  // namespace

void detail::serve_forks(FdSocket client, PidFd client_process) {
  ::signal(SIGINT, SIG_IGN);  // Ctrl-C reaches the whole group; the trainer decides what it means.
  ::signal(SIGPIPE, SIG_IGN);
  // A program may be started with these ignored, and then no signal would come, nor any child's status.
  ::signal(SIGCHLD, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  ::prctl(PR_SET_NAME, "millrace-server");
  // The client's end is known by its pidfd. Not by PR_SET_PDEATHSIG: that would come when the *thread* that started
  // this server ends.
  const std::array keep = {client.fd(), client_process.fd()};
  close_all_descriptors_except(keep);
  Server(std::move(client), std::move(client_process)).run();
}

}  // namespace millrace
