#include "millrace/sharing/process/fork_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/prologue.h"
#include "millrace/sharing/process/reexec.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kAnswerLimit = seconds(30);    // A fork takes milliseconds; this is for machines that swap.
constexpr auto kTerminateGrace = seconds(1);  // Between SIGTERM and SIGKILL once the client is gone.

// The server's answer to a ChildRequest: pid 0 and a text when no child was made.
struct ChildReply {
  int32_t pid = 0;
  std::string error;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pid, error);
  }
};

// The names of this process's threads, this one first.
std::vector<std::string> thread_names() {
  std::vector<std::string> names;
  DIR* directory = ::opendir("/proc/self/task");
  if (directory == nullptr) return {"?"};
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    std::string name = "?";
    std::ifstream comm(std::string("/proc/self/task/") + entry->d_name + "/comm");
    std::getline(comm, name);
    names.push_back(name);
  }
  ::closedir(directory);
  return names;
}

// A fork copies only the calling thread: what the others held is locked for ever in the child.
void require_single_thread(const char* doing) {
  const auto names = thread_names();
  if (names.size() == 1) return;
  std::string text = std::string(doing) + " with " + std::to_string(names.size()) + " threads (";
  for (size_t i = 0; i < names.size(); ++i) text += (i ? ", " : "") + names[i];
  throw std::logic_error(text + "): call millrace::init() first in main(), before anything starts threads");
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
  explicit Server(FdSocket client) : client_(std::move(client)) {
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
    std::array<pollfd, 2> watched = {pollfd{signals_.get(), POLLIN, 0}, pollfd{client_.fd(), POLLIN, 0}};
    const nfds_t count = client_alive_ ? 2 : 1;
    const int ready = ::poll(watched.data(), count, timeout_ms);
    if (ready < 0 && errno != EINTR) detail::throw_syscall_error(errno, "poll in the fork server");
    if (ready <= 0) return;
    if (watched[0].revents != 0) read_signals();
    if (client_alive_ && watched[1].revents != 0) serve();
  }

  void read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      if (info.ssi_signo == SIGTERM) client_alive_ = false;
  }

  void serve() {
    auto message = client_.receive();
    if (!message) {
      client_alive_ = false;
      return;
    }
    ChildReply reply;
    std::vector<OwnedFd> fds;
    try {
      ChildRequest request;
      DecodeArchive(message->bytes, {})(request);
      reply.pid = start(request, std::move(message->fds), fds);
    } catch (const std::exception& e) {
      fds.clear();
      reply.error = e.what();
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
    require_single_thread("the fork server cannot fork");
    const auto entry = resolve<std::remove_pointer_t<ChildEntry>>(request.entry);
    std::array<int, 2> status_pipe{};
    MILLRACE_SYSCALL(::pipe2(status_pipe.data(), O_CLOEXEC));
    OwnedFd status_out(status_pipe[0]);
    OwnedFd status_in(status_pipe[1]);
    const Prologue prologue{request.name, ::getpid(), true};
    const pid_t pid = MILLRACE_SYSCALL(::fork());
    if (pid == 0) run(entry, request, std::move(fds), prologue);
    status_of_.emplace(pid, std::move(status_in));
    for_client.push_back(open_pidfd(pid));
    for_client.push_back(std::move(status_out));
    return pid;
  }

  static OwnedFd open_pidfd(pid_t pid) {
    // Race-free: only this process reaps its children, and it does so between requests.
    return PidFd::open(pid).take();
  }

  [[noreturn]] static void run(ChildEntry entry, const ChildRequest& request, std::vector<OwnedFd> fds,
                               const Prologue& prologue) {
    run_prologue(prologue);
    std::vector<int> keep;
    for (const auto& fd : fds) keep.push_back(fd.get());
    close_all_descriptors_except(keep);
    ForkServer::forget_in_child();
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
  OwnedFd signals_;
  bool client_alive_ = true;
  std::map<pid_t, OwnedFd> status_of_;  // Children not yet reaped, and where their status goes.
};

// The one server of this process. `owner` tells a forked child that the server is its parent's, not its own.
struct Instance {
  std::mutex mutex;
  ForkServer* server = nullptr;
  pid_t owner = 0;
};

Instance& instance_of_process() {
  static Instance instance;
  return instance;
}

}  // namespace

namespace detail {

void serve_forks(FdSocket client, pid_t client_pid) {
  ::signal(SIGINT, SIG_IGN);  // Ctrl-C reaches the whole group; the trainer decides what it means.
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_NAME, "millrace-server");
  Server server(std::move(client));
  // A second way to learn of the client's end, should somebody else hold a copy of its socket. SIGTERM, not SIGKILL, so
  // that children are reaped.
  MILLRACE_SYSCALL(::prctl(PR_SET_PDEATHSIG, SIGTERM));
  if (::getppid() != client_pid) return;
  server.run();
}

}  // namespace detail

void ForkServer::fork_early() {
  require_single_thread("the fork server cannot be started");
  auto& process = instance_of_process();
  if (process.owner == ::getpid()) return;
  auto [ours, theirs] = FdSocket::pair();
  std::fflush(nullptr);
  const pid_t client = ::getpid();
  const pid_t pid = MILLRACE_SYSCALL(::fork());
  if (pid == 0) {
    ours.close();
    try {
      detail::serve_forks(std::move(theirs), client);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "millrace fork server: %s\n", e.what());
    }
    ::_exit(0);
  }
  auto* server = new ForkServer;  // Lives as long as the process: it is needed until the last loader is gone.
  server->socket_ = std::move(ours);
  server->pid_ = pid;
  process.server = server;
  process.owner = client;
}

ForkServer& ForkServer::instance() {
  auto& process = instance_of_process();
  const std::lock_guard lock(process.mutex);
  if (process.owner != ::getpid()) {
    process.server = new ForkServer;
    process.owner = ::getpid();
  }
  return *process.server;
}

void ForkServer::forget_in_child() {
  auto& process = instance_of_process();
  // The mutex may be held by a thread that exists in the parent only.
  if (process.server != nullptr && process.owner != ::getpid()) process.server->socket_.close();
}

pid_t ForkServer::pid() {
  const std::lock_guard lock(mutex_);
  connect();
  return pid_;
}

void ForkServer::connect() {
  if (!socket_) launch();
}

void ForkServer::launch() {
  auto [pid, socket] = detail::reexec(detail::ReexecRole::kForkServer);
  socket_ = std::move(socket);
  pid_ = pid;
}

Child ForkServer::start(const ChildRequest& request, std::span<const int> fds) {
  const auto encoded = encode(request);
  const std::lock_guard lock(mutex_);
  std::optional<Message> answer;
  for (int attempt = 0; !answer && attempt < 2; ++attempt) {
    connect();
    try {
      socket_.send(encoded.bytes, fds);
      answer = socket_.receive(kAnswerLimit, "the fork server");
    } catch (const PeerGone&) {
      // Same cure as for an answer that ends early, below.
    }
    if (!answer) {
      socket_.close();
      int status = 0;
      ::waitpid(pid_, &status, WNOHANG);
    }
  }
  if (!answer) throw std::runtime_error("the fork server died twice while starting '" + request.name + "'");
  ChildReply reply;
  DecodeArchive(answer->bytes, {})(reply);
  if (reply.pid == 0) throw std::runtime_error("cannot start '" + request.name + "': " + reply.error);
  if (answer->fds.size() != 2) throw std::runtime_error("the fork server's answer lacks descriptors");
  return {reply.pid, PidFd(std::move(answer->fds[0])), std::move(answer->fds[1])};
}

}  // namespace millrace
