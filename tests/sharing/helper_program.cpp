// A program that lifetime_test.cpp runs, kills and looks at:
//
//   trainer METHOD N   calls init(), starts N children that sleep for ever, prints "server PID" and "child PID" lines,
//   waits no_init METHOD     forgets init() and starts a child threads            calls init() with a second thread
//   running
//
//   each_way           calls init() and starts a child by each method
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <string>
#include <thread>

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

int run(int argc, char** argv) {
  const std::string task = argc > 1 ? argv[1] : "";
  if (task == "threads") return init_with_a_thread(argc, argv);
  if (task != "no_init") init(argc, argv);
  if (task == "each_way") return start_each_way();
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
