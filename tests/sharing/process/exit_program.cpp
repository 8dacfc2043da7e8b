// A program whose main() ends while its children run, for exit_test.cpp:
//
//   exit_program METHOD WAY    WAY is return or exit
//
// One child, not a daemon, prints a line once it has been told to by nobody but the end of main(); another one, a
// daemon, would stay for ever.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/process/context.h"
#include "millrace/sharing/process/init.h"
#include "millrace/tests/support/process_probe.h"

namespace mp = millrace::multiprocessing;
using millrace::FdSocket;
using millrace::OwnedFd;

namespace {

void stay(OwnedFd fd) {
  const FdSocket socket(std::move(fd));
  millrace::test::send_text(socket, "ready");
  for (;;) ::pause();
}

void print_when_told(OwnedFd fd) {
  FdSocket(std::move(fd)).receive();
  std::printf("child\n");
}

// Tells the child to go on when the program is at its end, and the handlers registered before are yet to run.
FdSocket* g_to_child = nullptr;
void tell_child() { millrace::test::send_text(*g_to_child, "go"); }

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  millrace::test::replace_early_server_under_thread_sanitizer();
  if (argc != 3) return 9;
  auto method = mp::StartMethod::kForkServer;
  for (const auto each : mp::get_all_start_methods())
    if (std::strcmp(argv[1], to_string(each)) == 0) method = each;

  auto [daemon_end, daemon_their_end] = FdSocket::pair();
  mp::Process daemon(method, stay, daemon_their_end.take());
  daemon.set_daemon(true);
  daemon.start();
  millrace::test::receive_text(daemon_end);
  std::printf("%d\n", daemon.pid().value());

  auto [end, their_end] = FdSocket::pair();
  g_to_child = new FdSocket(std::move(end));  // Needed until the very end.
  mp::Process child(method, print_when_told, their_end.take());
  child.start();
  std::atexit(tell_child);  // Runs before the handler that waits for the children, which was registered earlier.
  std::printf("main\n");
  std::fflush(stdout);
  if (std::strcmp(argv[2], "exit") == 0) std::exit(4);
  return 4;
}
