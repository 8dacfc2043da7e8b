#include "millrace/sharing/process/reexec.h"

#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/prologue.h"

extern char** environ;

namespace millrace {
namespace {

// Holds the pid of the process that executed us; present only until init() has read it.
constexpr const char* kMarker = "MILLRACE_EXECUTED_BY";
constexpr int kSocketNumber = 3;

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

}  // namespace

namespace detail {

std::pair<pid_t, FdSocket> reexec(ReexecRole role) {
  if (::secure_getenv(kMarker) != nullptr || !init_was_called())
    throw std::logic_error(
        "Millrace needs to start a process, but main() has not called millrace::init(argc, argv): make that its first "
        "statement");
  auto [ours, theirs] = FdSocket::pair();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.fd(), kSocketNumber);
  // What the caller or its libraries opened without O_CLOEXEC is none of the new program's business.
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kSocketNumber + 1);

  std::string marker = std::string(kMarker) + "=" + std::to_string(::getpid());
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(marker.data());
  environment.push_back(nullptr);
  std::string name = "millrace";
  std::array<char*, 2> arguments = {name.data(), nullptr};

  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw_syscall_error(error, "posix_spawn of /proc/self/exe");
  const std::array first = {static_cast<std::byte>(role), static_cast<std::byte>(on_main_thread())};
  ours.send(first);
  return {pid, std::move(ours)};
}

void become_reexec_role() {
  const char* marker = ::secure_getenv(kMarker);
  if (marker == nullptr) return;
  const auto parent = parse_pid(marker);
  ::unsetenv(kMarker);
  // Anybody may set a variable. What comes over the socket is believed from a parent that made it, and from nobody
  // else.
  if (!parent || peer_of(kSocketNumber) != parent) return;
  if (::getppid() != parent) ::_exit(1);  // It has died: nobody needs us, and this is no start of the program.
  FdSocket socket{OwnedFd(kSocketNumber)};
  try {
    const auto first = socket.receive();
    if (!first || first->bytes.size() != 2) ::_exit(1);
    const bool die_with_parent = first->bytes[1] != std::byte{0};
    if (static_cast<ReexecRole>(first->bytes[0]) == ReexecRole::kChild)
      become_child(std::move(socket), *parent, die_with_parent);
    serve_forks(std::move(socket), *parent);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "millrace, executed by process %d: %s\n", *parent, e.what());
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace detail

}  // namespace millrace
