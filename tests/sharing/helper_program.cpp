// A program that lifetime_test.cpp runs, kills and looks at:
//
//   trainer METHOD N   calls init(), starts N children that sleep for ever, prints "server PID" and "child PID" lines,
//   waits no_init METHOD     forgets init() and starts a child threads            calls init() with a second thread
//   running
//
//   each_way           calls init() and starts a child by each method
//
//   streams            calls init(); ends with 0 if standard streams are no sockets of ours, and a child may print
//
//   limit WHAT N       sets a limit (files, file_size, address_space, processes), calls init(), and does what the limit
//   forbids; prints the error
//
//   wait forked|executed    calls init() and, with a fork server made that way, waits for whichever child ends
//
//   end METHOD forked|executed   calls init(), starts children that it leaves running, and ends
//
//   drop METHOD        counts what is left of ended children that nobody has waited for
//
//   end_starting METHOD   ends while a thread starts children; prints what the thread is told

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/init.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

StartMethod method_named(const std::string& name) {
  for (const auto method : {StartMethod::kFork, StartMethod::kForkServer, StartMethod::kSpawn})
    if (name == to_string(method)) return method;
  throw std::invalid_argument("no start method '" + name + "'");
}

int sleep_for_ever(std::span<const std::byte>, std::vector<OwnedFd> fds) {
  test::send_text(FdSocket(std::move(fds.at(0))), "ready");
  for (;;) ::pause();
}

void start_sleeping_child(StartMethod method) {
  auto [ours, theirs] = FdSocket::pair();
  const auto child = start_child(method, {sleep_for_ever, {}, {theirs.fd()}, "sleeper"});
  test::receive_text(ours);
  std::printf("child %d\n", child.pid());
}

int trainer(StartMethod method, int children) {
  for (int i = 0; i < children; ++i) start_sleeping_child(method);
  std::printf("server %d\nready\n", ForkServer::instance().pid());
  std::fflush(stdout);
  for (;;) ::pause();
}

// Starts a child by each method; prints "METHOD starts", or why not.
int start_each_way() {
  for (const auto method : {StartMethod::kFork, StartMethod::kSpawn, StartMethod::kForkServer}) {
    try {
      auto child =
          start_child(method, {[](std::span<const std::byte>, std::vector<OwnedFd>) { return 0; }, {}, {}, "nothing"});
      const auto ended = child.wait(test::kLong);
      std::printf("%s %s\n", to_string(method), ended && ended->code() == 0 ? "starts" : "fails");
    } catch (const ServerHasThreads& e) {
      std::printf("%s: %s\n", to_string(method), e.what());
    }
  }
  std::fflush(stdout);
  return 0;
}

int init_with_a_thread(int argc, char** argv) {
  std::binary_semaphore end{0};
  std::thread decoder([&] { end.acquire(); });
  ::pthread_setname_np(decoder.native_handle(), "early-decoder");
  init(argc, argv);
  const int code = start_each_way();
  end.release();
  decoder.join();
  return code;
}

bool is_a_socket(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

bool prints_into_a_socket() {
  return is_a_socket(STDIN_FILENO) || is_a_socket(STDOUT_FILENO) || is_a_socket(STDERR_FILENO);
}

int print_and_answer(std::span<const std::byte>, std::vector<OwnedFd> fds) {
  if (prints_into_a_socket()) return 1;
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
    if (::write(stream, "printed", 7) != 7) return 2;
  test::send_text(FdSocket(std::move(fds.at(0))), "ready");
  return 0;
}

// Cannot say what is wrong, since nobody may read what it prints.
int use_streams() {
  for (const auto method : {StartMethod::kFork, StartMethod::kForkServer, StartMethod::kSpawn}) {
    auto [ours, theirs] = FdSocket::pair();
    if (prints_into_a_socket()) return 3;
    auto child = start_child(method, {print_and_answer, {}, {theirs.fd()}, "printer"});
    if (test::receive_text(ours) != "ready" || child.wait(test::kLong).value().code() != 0) return 4;
  }
  return 0;
}

void set_limit(int resource, rlim_t limit) {
  const rlimit both{limit, limit};
  MILLRACE_SYSCALL(::setrlimit(resource, &both));
}

// To a user that has no other process, where that is allowed: the limit of processes does not hold for root.
void leave_root() {
  constexpr uid_t kNobodyElse = 54321;
  if (::geteuid() != 0) return;
  MILLRACE_SYSCALL(::setresuid(kNobodyElse, kNobodyElse, kNobodyElse));
  MILLRACE_SYSCALL(::prctl(PR_SET_DUMPABLE, 1));
}

size_t mapped_bytes() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

int meet_limit(const std::string& what, rlim_t limit, int argc, char** argv) {
  if (what == "processes") leave_root();
  if (what == "processes") set_limit(RLIMIT_NPROC, limit);
  if (what == "files") set_limit(RLIMIT_NOFILE, limit);
  if (what == "file_size") set_limit(RLIMIT_FSIZE, limit);
  init(argc, argv);
  std::printf("init\n");
  std::fflush(stdout);
  const auto method = argc > 4 ? method_named(argv[4]) : StartMethod::kForkServer;
  std::vector<Child> children;
  std::vector<FdSocket> sockets;
  try {
    if (what == "address_space") set_limit(RLIMIT_AS, mapped_bytes() + limit);
    if (what == "address_space" || what == "file_size") {
      const auto segment = SharedSegment::create("test", 2 * limit, "ask for less");
      const MappedSegment mapped(segment, Access::kReadWrite);
    }
    while (children.size() < 2 * limit) {
      auto [ours, theirs] = FdSocket::pair();
      children.push_back(start_child(method, {sleep_for_ever, {}, {theirs.fd()}, "sleeper"}));
      theirs.close();
      sockets.push_back(std::move(ours));
    }
    std::printf("no error\n");
  } catch (const std::exception& e) {
    std::printf("%s\n", e.what());
  }
  std::fflush(stdout);
  for (const auto& child : children) child.kill(SIGKILL);
  for (auto& child : children) child.wait(test::kLong);
  return 0;
}

std::atomic<int> g_signals = 0;

void end_server() {
  const auto server = PidFd::open(ForkServer::instance().pid());
  server.kill(SIGKILL);
  server.wait_ended(test::kLong);
}

int nothing(std::span<const std::byte>, std::vector<OwnedFd>) { return 0; }

// With a fork server that has been executed in the place of the one that init() made, if that is asked for.
void make_server(const std::string& how) {
  if (how == "executed") end_server();
  start_child(StartMethod::kForkServer, {nothing, {}, {}, "nothing"}).wait(test::kLong);
}

// The server ends too, and so does the one in its place: an end of theirs would be seen as well.
int wait_for_own_children(const std::string& how) {
  ::signal(SIGCHLD, [](int) { ++g_signals; });
  make_server(how);
  end_server();
  start_child(StartMethod::kForkServer, {nothing, {}, {}, "nothing"}).wait(test::kLong);
  std::printf("%d signals\n", g_signals.load());
  std::fflush(stdout);
  for (int i = 0; i < 2; ++i)
    if (::fork() == 0) ::_exit(0);
  int ended = 0;
  while (::wait(nullptr) > 0) ++ended;
  std::printf("%d children, %d signals\n", ended, g_signals.load() > 0 ? 1 : 0);
  std::fflush(stdout);
  return 0;
}

// Children whose Child is gone: how many zombies and descriptors of theirs are left after the next start.
int drop_children(StartMethod method) {
  const auto descriptors = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  start_child(method, {nothing, {}, {}, "first"}).wait(test::kLong);
  const auto before = descriptors();
  std::vector<pid_t> dropped;
  for (int i = 0; i < 3; ++i) {
    const Child child = start_child(method, {nothing, {}, {}, "dropped"});
    child.pidfd().wait_ended(test::kLong);
    dropped.push_back(child.pid());
  }
  start_child(method, {nothing, {}, {}, "next"}).wait(test::kLong);
  int left = 0;
  for (const pid_t pid : dropped) left += ::waitpid(pid, nullptr, WNOHANG) == pid ? 1 : 0;
  std::printf("%d zombies, %td descriptors more\n", left, descriptors() - before);
  std::fflush(stdout);
  return 0;
}

std::thread g_starts_children;
std::binary_semaphore g_has_started_one(0);

// A thread that starts children while the process ends, which an exit handler of the program's waits for.
int end_with_a_starting_thread(StartMethod method) {
  g_starts_children = std::thread([method] {
    try {
      for (bool first = true;; first = false) {
        start_child(method, {nothing, {}, {}, "child"}).wait(test::kLong);
        if (first) g_has_started_one.release();
      }
    } catch (const std::exception& e) {
      std::printf("%s\n", e.what());
      std::fflush(stdout);
    }
  });
  g_has_started_one.acquire();
  return 0;
}

int end_with_running_children(StartMethod method, const std::string& how) {
  make_server(how);
  start_sleeping_child(method);
  start_sleeping_child(method);
  std::printf("server %d\n", ForkServer::instance().pid());
  std::fflush(stdout);
  return 0;
}

int run(int argc, char** argv) {
  const std::string task = argc > 1 ? argv[1] : "";
  if (task == "threads") return init_with_a_thread(argc, argv);
  if (task == "limit" && argc >= 4) return meet_limit(argv[2], std::stoul(argv[3]), argc, argv);
  if (task == "end_starting") std::atexit([] { g_starts_children.join(); });  // Before ours, so it runs after them.
  if (task != "no_init") init(argc, argv);
  if (task == "each_way") return start_each_way();
  if (task == "streams") return use_streams();
  if (task == "wait" && argc == 3) return wait_for_own_children(argv[2]);
  if (task == "drop" && argc == 3) return drop_children(method_named(argv[2]));
  if (task == "end_starting" && argc == 3) return end_with_a_starting_thread(method_named(argv[2]));
  if (task == "end" && argc == 4) return end_with_running_children(method_named(argv[2]), argv[3]);
  if (task == "trainer") test::replace_early_server_under_thread_sanitizer();
  if (task == "trainer" && argc == 4) return trainer(method_named(argv[2]), std::atoi(argv[3]));
  if (task != "no_init" || argc != 3) throw std::invalid_argument("wrong usage");
  start_sleeping_child(method_named(argv[2]));
  return 0;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  // A bomb would not get further than this line often.
  std::fprintf(stderr, "main\n");
  try {
    return millrace::run(argc, argv);
  } catch (const std::exception& e) {
    std::printf("%s\n", e.what());
    return 2;
  }
}
