#include "millrace/tests/support/process_probe.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/tests/support/seed.h"

extern char** environ;

namespace millrace::test {

std::set<int> open_descriptors(pid_t pid) {
  std::set<int> open;
  const std::string directory = "/proc/" + (pid == 0 ? "self" : std::to_string(pid)) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    open.insert(std::stoi(entry.path().filename()));
  // The directory itself was open while it was read; it is closed now.
  if (pid == 0) std::erase_if(open, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; });
  return open;
}

std::set<std::string> shared_memory_names() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("torch_")) names.insert(name);  // PyTorch's, of a live test that runs beside this one.
  }
  return names;
}

ino_t inode_of(int fd) {
  struct stat status{};
  MILLRACE_SYSCALL(::fstat(fd, &status));
  return status.st_ino;
}

char process_state(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  // After the command's name, which stands in parentheses and may hold anything.
  const auto end = text.rfind(')');
  return end == std::string::npos ? '\0' : text.at(end + 2);
}

std::set<pid_t> children_of_this_process() {
  std::set<pid_t> children;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t pid = 0; file >> pid;) children.insert(pid);
  }
  return children;
}

std::mt19937_64 seeded_generator() { return std::mt19937_64(test_seed()); }

int kills_wanted(int usual) {
  const char* given = std::getenv("MILLRACE_TEST_KILLS");
  return given != nullptr ? std::atoi(given) : usual;
}

Watchdog::Watchdog(std::string what, std::chrono::seconds limit) {
  static std::string message;
  message = "watchdog: " + what + " hangs\n";
  struct sigaction action{};
  action.sa_handler = [](int) {
    if (::write(STDERR_FILENO, message.data(), message.size()) < 0) ::_exit(3);
    std::abort();
  };
  MILLRACE_SYSCALL(::sigaction(SIGALRM, &action, nullptr));
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  MILLRACE_SYSCALL(::timer_create(CLOCK_MONOTONIC, &event, &timer_));
  const itimerspec when{{}, {limit.count(), 0}};
  MILLRACE_SYSCALL(::timer_settime(timer_, 0, &when, nullptr));
}

Watchdog::~Watchdog() { ::timer_delete(timer_); }

namespace {

#ifdef __SANITIZE_THREAD__
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

std::pair<OwnedFd, OwnedFd> make_pipe() {
  int ends[2];
  MILLRACE_SYSCALL(::pipe2(ends, O_CLOEXEC));
  return {OwnedFd(ends[0]), OwnedFd(ends[1])};
}

}  // namespace

Program::Program(const std::vector<std::string>& command) {
  auto [out, out_end] = make_pipe();
  auto [err, err_end] = make_pipe();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out_end.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err_end.get(), STDERR_FILENO);
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int error = ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) detail::throw_syscall_error(error, "posix_spawn", command[0]);
  pidfd_ = PidFd::open(pid_);
  out_ = std::move(out);
  err_ = std::move(err);
}

Program::~Program() {
  if (pidfd_.kill(SIGKILL)) pidfd_.reap();
}

std::string Program::line() {
  std::string text;
  for (char c = 0;;) {
    if (!poll_readable(out_.get(), kLong)) throw std::runtime_error("a program printed no line");
    const auto got = MILLRACE_SYSCALL(::read(out_.get(), &c, 1));
    if (got == 0) throw std::runtime_error("a program ended early; it printed '" + text + "' and: " + errors());
    if (c == '\n') return text;
    text += c;
  }
}

std::string Program::errors() {
  std::string text;
  char buffer[4096];
  while (poll_readable(err_.get(), kLong)) {
    const auto got = MILLRACE_SYSCALL(::read(err_.get(), buffer, sizeof buffer));
    if (got == 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

ExitStatus Program::wait() {
  if (!pidfd_.wait_ended(kLong)) throw std::runtime_error("a program did not end");
  const auto status = pidfd_.reap();
  return status ? ExitStatus(*status) : ExitStatus::unknown();
}

OutputFile::OutputFile() : file_(MILLRACE_SYSCALL(::memfd_create("output", MFD_CLOEXEC))) {
  // Several writers must not write over one another.
  MILLRACE_SYSCALL(::fcntl(fd(), F_SETFL, O_APPEND));
}

std::string OutputFile::text() const {
  std::string text;
  char buffer[4096];
  for (off_t at = 0;;) {
    const auto got = MILLRACE_SYSCALL(::pread(fd(), buffer, sizeof buffer, at));
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
    at += got;
  }
}

void replace_early_server_under_thread_sanitizer() {
  if (!kThreadSanitizer) return;
  const auto server = PidFd::open(ForkServer::instance().pid());
  server.kill(SIGKILL);
  server.wait_ended(std::nullopt);
}

void send_text(const FdSocket& socket, const std::string& text, std::vector<int> fds) {
  socket.send(std::as_bytes(std::span(text)), fds);
}

std::string text_of(const Message& message) {
  return {reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size()};
}

std::string receive_text(const FdSocket& socket) {
  const auto message = socket.receive(kLong, "the other side");
  if (!message) throw std::runtime_error("the other side is gone");
  return text_of(*message);
}

}  // namespace millrace::test
