#include "millrace/sharing/process/fork_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <map>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/start_thread.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/other_threads.h"
#include "millrace/sharing/process/process_end.h"
#include "millrace/sharing/process/process_stat.h"
#include "millrace/sharing/process/prologue.h"
#include "millrace/sharing/process/reexec.h"
#include "millrace/sharing/sync/deadline.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kAnswerLimit = seconds(30);  // A fork takes milliseconds; this is for machines that swap.
constexpr auto kLookIfStopped = milliseconds(100);
constexpr auto kTerminateGrace = seconds(1);   // Between SIGTERM and SIGKILL once the client is gone.
constexpr auto kEndLimit = seconds(3);         // For a server that ends its children, and
constexpr auto kServerKillLimit = seconds(1);  // for what SIGKILL takes.

// The server's answer to a ChildRequest: pid 0 and a text when no child was made.
struct ChildReply {
  int32_t pid = 0;
  std::string error;
  bool has_threads = false;  // The reason.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pid, error, has_threads);
  }
};

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

OwnedFd duplicate(int fd) { return OwnedFd(MILLRACE_SYSCALL(::fcntl(fd, F_DUPFD_CLOEXEC, 0), fd)); }

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
    if (ready < 0 && errno != EINTR) detail::throw_syscall_error(errno, "poll in the fork server");
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
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
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

// The one server of this process. Never destroyed: it is needed until the last loader is gone.
struct ProcessForkServer {
  std::mutex mutex;
  ForkServer* server = nullptr;

  static ProcessForkServer*& current() {
    static ProcessForkServer* process = [] {
      at_fork(ForkRank::kForkServer, {nullptr, nullptr, &ForkServer::forget_in_child});
      return new ProcessForkServer;
    }();
    return process;
  }
};
[[maybe_unused]] static ProcessForkServer* const& kForkServerAtLoad = ProcessForkServer::current();

namespace detail {

void serve_forks(FdSocket client, PidFd client_process) {
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

}  // namespace detail

void ForkServer::fork_early() {
  auto& process = *ProcessForkServer::current();
  if (process.server != nullptr) return;
  try {
    // Beside threads, which libraries and tools start before main(), the first start() executes the program afresh.
    if (!detail::other_threads().empty()) return;
    auto [ours, theirs] = FdSocket::pair();
    auto client_process = PidFd::open(::getpid());
    std::fflush(nullptr);
    auto server = fork_hidden();
    if (server.pid == 0) {
      ours.close();
      try {
        detail::serve_forks(std::move(theirs), std::move(client_process));
      } catch (const std::exception& e) {
        std::fprintf(stderr, "millrace fork server: %s\n", e.what());
      }
      ::_exit(0);
    }
    process.server = new ForkServer(std::move(ours), std::move(server));
    at_process_end(&ForkServer::end_at_process_end);
  } catch (const SyscallError&) {
    // A limit of processes or descriptors. It is no error yet, as a program may start none: the first start() tries
    // again and says so.
    return;
  }
}

ForkServer& ForkServer::instance() {
  auto& process = *ProcessForkServer::current();
  const std::lock_guard lock(process.mutex);
  if (process.server == nullptr) process.server = new ForkServer;
  return *process.server;
}

// Runs in every forked child. The server is the parent's; it has to see the parent's end as it comes, so the copy of
// the connection goes. All else is left behind as it is: a thread that exists in the parent only may hold its mutexes.
void ForkServer::forget_in_child() {
  auto*& process = ProcessForkServer::current();
  if (process->server != nullptr) process->server->socket_.close();
  process = new ProcessForkServer;
}

pid_t ForkServer::pid() {
  const std::lock_guard lock(mutex_);
  connect();
  return pid_;
}

void ForkServer::connect() {
  // One that has died is nobody's pid any more as soon as its keeper has reaped it.
  if (socket_ && process_.wait_ended(milliseconds(0))) bury();
  if (socket_) return;
  if (has_ended_) refuse_at_process_end();
  auto server = detail::execute_server();
  socket_ = std::move(server.socket);
  process_ = std::move(server.process);
  keeper_ = std::move(server.keeper);
  pid_ = server.pid;
  at_process_end(&ForkServer::end_at_process_end);
}

// After end of file: the server closes its end by exiting, and its keeper ends with it.
void ForkServer::bury() {
  socket_.close();
  unanswered_ = 0;
  if (!child_of_ours().wait_ended(kEndLimit)) detail::signal_if_allowed(child_of_ours(), SIGKILL);
  child_of_ours().reap();
}

// A thread that runs on while the process ends sees its workers end, and would start others. It is held, as an
// exception out of it would turn a good end into a crash; not for ever, as somebody may still wait for it.
void ForkServer::refuse_at_process_end() {
  ::poll(nullptr, 0, static_cast<int>(milliseconds(kEndLimit).count()));
  throw std::runtime_error("no process can be started while this one ends");
}

// Other threads may run on while the process ends: what they hold is left to them.
void ForkServer::end_at_process_end() noexcept {
  auto& process = *ProcessForkServer::current();
  const std::unique_lock lock(process.mutex, std::try_to_lock);
  if (lock && process.server != nullptr) process.server->end();
}

void ForkServer::end() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  has_ended_ = true;
  if (!socket_) return;
  socket_.close();
  // By a signal too: somebody else may hold a copy of the socket. One that is stopped would not take it.
  detail::signal_if_allowed(process_, is_stopped() ? SIGKILL : SIGTERM);
  if (!child_of_ours().wait_ended(kEndLimit)) detail::signal_if_allowed(process_, SIGKILL);
  if (child_of_ours().wait_ended(kServerKillLimit)) child_of_ours().reap();
}

ForkServerStopped::ForkServerStopped(pid_t server)
    : std::runtime_error("the fork server (process " + std::to_string(server) +
                         ") is stopped, by SIGSTOP or a debugger, and starts no process: continue it (kill -CONT " +
                         std::to_string(server) + ")") {}

bool ForkServer::is_stopped() const {
  const auto stat = detail::process_stat(pid_);
  return stat && (stat->state == 'T' || stat->state == 't');
}

void ForkServer::require_not_stopped() const {
  if (is_stopped()) throw ForkServerStopped(pid_);
}

void ForkServer::wait_for_answer() const {
  const multiprocessing::detail::Deadline limit(kAnswerLimit);
  while (!poll_readable(socket_.fd(), kLookIfStopped)) {
    require_not_stopped();
    if (limit.passed())
      throw std::runtime_error("no answer from the fork server (process " + std::to_string(pid_) + ") within " +
                               std::to_string(kAnswerLimit.count()) + " s");
  }
}

// The answer to the request sent last; nullopt when the server is gone.
std::optional<Message> ForkServer::receive_answer() {
  for (;;) {
    wait_for_answer();
    --unanswered_;  // Before receive(): a message that it refuses is read all the same.
    auto answer = socket_.receive();
    if (!answer || unanswered_ == 0) return answer;
    // Too late for the caller that asked: nobody owns that child.
    if (!answer->fds.empty()) PidFd(std::move(answer->fds.front())).kill(SIGKILL);
  }
}

Child ForkServer::start(const ChildRequest& request, std::span<const int> fds) {
  const auto encoded = encode(request);
  const std::lock_guard lock(mutex_);
  std::optional<Message> answer;
  for (int attempt = 0; !answer && attempt < 2; ++attempt) {
    connect();
    // Not one more request that it would serve when it is continued; where it has just been stopped, one gets through.
    if (unanswered_ > 0) require_not_stopped();
    try {
      // Room for what the answer brings, kept from before the child exists: else it would run and nobody could own it.
      std::array room = {duplicate(socket_.fd()), duplicate(socket_.fd())};
      socket_.send(encoded.bytes, fds);
      ++unanswered_;
      for (auto& fd : room) fd.reset();
      answer = receive_answer();
    } catch (const PeerGone&) {
      // Same cure as for an answer that ends early.
    }
    if (!answer) bury();
  }
  if (!answer) throw std::runtime_error("the fork server died twice while starting '" + request.name + "'");
  ChildReply reply;
  DecodeArchive(answer->bytes, {})(reply);
  if (reply.has_threads) throw ServerHasThreads("cannot start '" + request.name + "': " + reply.error);
  if (reply.pid == 0) throw std::runtime_error("cannot start '" + request.name + "': " + reply.error);
  if (answer->fds.size() != 2) throw std::runtime_error("the fork server's answer lacks descriptors");
  return {reply.pid, std::make_shared<const PidFd>(std::move(answer->fds[0])), std::move(answer->fds[1])};
}

}  // namespace millrace
