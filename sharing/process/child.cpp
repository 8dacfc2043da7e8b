#include "millrace/sharing/process/child.h"

#include <cxxabi.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <typeinfo>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/prologue.h"
#include "millrace/sharing/process/reexec.h"
#include "millrace/sharing/process/type_name.h"

namespace millrace {

const char* to_string(StartMethod method) {
  switch (method) {
    case StartMethod::kForkServer: return "forkserver";
    case StartMethod::kFork: return "fork";
    case StartMethod::kSpawn: return "spawn";
  }
  return "?";
}

namespace {

// The death signal follows the thread that forked; only the main thread is sure to live as long as the process.
bool on_main_thread() { return ::gettid() == ::getpid(); }

pid_t fork_here(const ChildSpec& spec) {
  std::fflush(nullptr);  // Else what is buffered would be printed by both.
  std::vector<OwnedFd> copies = [&] {
    EncodeArchive archive;
    for (const int fd : spec.fds) archive.attach(fd);
    return archive.take().fds;
  }();
  const Prologue prologue{spec.name, ::getpid(), on_main_thread()};
  const pid_t pid = MILLRACE_SYSCALL(::fork());
  if (pid > 0) return pid;
  run_prologue(prologue);
  ForkServer::forget_in_child();
  detail::run_child(spec.entry, spec.arguments, std::move(copies), spec.name);
}

pid_t spawn_program(const ChildSpec& spec) {
  const auto entry = identify(spec.entry);
  const auto [pid, socket] = detail::reexec(detail::ReexecRole::kChild);
  const auto request = encode(ChildRequest{entry, spec.arguments, spec.name}, on_main_thread());
  socket.send(request.bytes, spec.fds);
  return pid;
}

}  // namespace

Child start_child(StartMethod method, const ChildSpec& spec) {
  if (method == StartMethod::kForkServer)
    return ForkServer::instance().start({identify(spec.entry), spec.arguments, spec.name}, spec.fds);
  const pid_t pid = method == StartMethod::kFork ? fork_here(spec) : spawn_program(spec);
  return {pid, PidFd::open(pid), OwnedFd()};
}

std::optional<ExitStatus> Child::wait(std::optional<std::chrono::nanoseconds> timeout) {
  if (!ended_ && pidfd_.wait_ended(timeout)) ended_ = collect();
  return ended_;
}

ExitStatus Child::collect() {
  int status = 0;
  if (!status_) {
    // Gone already when somebody else has waited for any child of ours.
    const pid_t reaped = detail::retry_interrupted([&] { return ::waitpid(pid_, &status, 0); });
    return reaped == pid_ ? ExitStatus(status) : ExitStatus::unknown();
  }
  // The server reaps and writes right after the death; end of file means that it died too.
  const auto got = detail::retry_interrupted([&] { return ::read(status_.get(), &status, sizeof status); });
  return got == static_cast<ssize_t>(sizeof status) ? ExitStatus(status) : ExitStatus::unknown();
}

namespace detail {

void run_child(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
               const std::string& name) {
  int code = 1;
  try {
    code = entry(arguments, std::move(fds));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "Process %s (pid %d): %s: %s\n", name.c_str(), ::getpid(), type_name(typeid(e)).c_str(),
                 e.what());
  } catch (...) {
    std::fprintf(stderr, "Process %s (pid %d): an exception of type %s\n", name.c_str(), ::getpid(),
                 current_exception_type().c_str());
  }
  std::fflush(nullptr);
  ::_exit(code);  // The parent's atexit handlers and static destructors are not ours to run.
}

}  // namespace detail
}  // namespace millrace
