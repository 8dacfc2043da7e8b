#include "millrace/sharing/process/fork_server.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/duplicate.h"
#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/long_wait.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/seconds_text.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/kernel_state.h"
#include "millrace/sharing/process/other_threads.h"
#include "millrace/sharing/process/process_end.h"
#include "millrace/sharing/process/process_stat.h"
#include "millrace/sharing/process/reexec.h"
#include "millrace/sharing/process/serve_forks.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kAnswerLimit = seconds(30);  // A fork takes milliseconds; this is for machines that swap.
constexpr auto kLookIfStopped = milliseconds(100);
constexpr auto kEndLimit = seconds(3);         // For a server that ends its children.
constexpr auto kServerKillLimit = seconds(1);  // For SIGKILL to take effect.
constexpr auto kStartLimit = seconds(1);       // For a start that is under way when the process ends.

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

void ForkServer::fork_early() {
  auto& process = *ProcessForkServer::current();
  if (process.server != nullptr) return;
  try {
    // Where libraries and tools have started threads before main(), the first start() executes the program afresh.
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
  if (has_ended_) detail::refuse_start_at_process_end();
  auto server = detail::execute_server();
  socket_ = std::move(server.socket);
  process_ = std::move(server.process);
  keeper_ = std::move(server.keeper);
  pid_ = server.pid;
  at_process_end(&ForkServer::end_at_process_end);
}

// Buries the server after end of file: it closes its end by exiting, and its keeper ends with it.
void ForkServer::bury() {
  socket_.close();
  unanswered_ = 0;
  if (!child_of_ours().wait_ended(kEndLimit)) child_of_ours().kill_if_allowed(SIGKILL);
  child_of_ours().reap();
}

// Another thread may be in the middle of a start, which it ends soon. What one holds for longer is left to it.
std::unique_lock<std::mutex> ForkServer::lock_at_process_end(std::mutex& mutex) {
  std::unique_lock lock(mutex, std::try_to_lock);
  const multiprocessing::detail::Deadline limit(kStartLimit);
  while (!lock && !limit.passed()) {
    ::poll(nullptr, 0, 1);
    static_cast<void>(lock.try_lock());
  }
  return lock;
}

void ForkServer::end_at_process_end() noexcept {
  auto& process = *ProcessForkServer::current();
  const auto lock = lock_at_process_end(process.mutex);
  if (lock && process.server != nullptr) process.server->end();
}

void ForkServer::end() {
  has_ended_ = true;
  const auto lock = lock_at_process_end(mutex_);
  if (!lock) return;
  if (!socket_) return;
  socket_.close();
  // A signal too, since another process may hold a copy of the socket. A stopped server would not take SIGTERM.
  process_.kill_if_allowed(is_stopped() ? SIGKILL : SIGTERM);
  if (!child_of_ours().wait_ended(kEndLimit)) process_.kill_if_allowed(SIGKILL);
  if (child_of_ours().wait_ended(kServerKillLimit)) child_of_ours().reap();
}

bool ForkServer::is_stopped() const {
  const auto stat = detail::process_stat(pid_);
  return stat && (stat->state == 'T' || stat->state == 't');
}

void ForkServer::require_not_stopped() const {
  if (is_stopped()) throw ForkServerStopped(pid_);
}

void ForkServer::wait_for_answer() const {
  const auto wait = [this](Timeout slice) {
    if (poll_readable(socket_.fd(),
                      std::min<std::chrono::nanoseconds>(slice ? *slice : kLookIfStopped, kLookIfStopped)))
      return true;
    require_not_stopped();
    return false;
  };
  const auto tell_of_it = [this](std::chrono::nanoseconds lasted) {
    tell(NoticeLevel::kWarning, "the fork server, " + process_and_state(pid_) + ", has not answered for " +
                                    seconds_text(lasted) + "; it gets " + std::to_string(kAnswerLimit.count()) + " s");
  };
  if (!wait_and_tell(kAnswerLimit, notice_after(), wait, tell_of_it))
    throw std::runtime_error("no answer from the fork server (process " + std::to_string(pid_) + ") within " +
                             std::to_string(kAnswerLimit.count()) + " s");
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

ServedChild ForkServer::start(const ChildRequest& request, std::span<const int> fds) {
  const auto encoded = encode(request);
  if (has_ended_) detail::refuse_start_at_process_end();  // Asked without the lock, which the end waits for.
  const std::lock_guard lock(mutex_);
  std::optional<Message> answer;
  for (int attempt = 0; !answer && attempt < 2; ++attempt) {
    connect();
    // Sends a stopped server no more requests, which it would serve when it is continued; where it has just been
    // stopped, one gets through.
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
  return {reply.pid, PidFd(std::move(answer->fds[0])), std::move(answer->fds[1])};
}

}  // namespace millrace
