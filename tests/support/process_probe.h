#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/process/exit_status.h"

// What tests ask of /proc, and other programs that they run.
namespace millrace::test {

/// The limit of every wait in a test. Long, because it is never reached by a passing test.
constexpr std::chrono::seconds kLong{20};

/// Open descriptors of this process, or of `pid`.
std::set<int> open_descriptors(pid_t pid = 0);

/// Names in /dev/shm.
std::set<std::string> shared_memory_names();

/// Which file a descriptor refers to.
ino_t inode_of(int fd);

/// The state letter in /proc/PID/stat: 'R', 'S', 'T', 'Z'; 0 when there is no such process.
char process_state(pid_t pid);

/// Children of this process, living or zombie.
std::set<pid_t> children_of_this_process();

/// A random generator for a test, of test_seed().
std::mt19937_64 seeded_generator();

/// How many processes a kill test is to kill: `usual`, or what the environment variable MILLRACE_TEST_KILLS says, which
/// the sanitizers' short form and a long search for a rare fault set.
int kills_wanted(int usual);

/// Kills this process with a message when it lives longer than `limit`: a hang becomes a failure with a name.
class Watchdog {
 public:
  Watchdog(std::string what, std::chrono::seconds limit);
  ~Watchdog();

 private:
  timer_t timer_ = nullptr;
};

/// A program that a test runs beside itself. Its stdout and stderr are read by the test; killed when the object goes.
class Program {
 public:
  explicit Program(const std::vector<std::string>& command);
  ~Program();

  pid_t pid() const { return pid_; }
  const PidFd& pidfd() const { return pidfd_; }

  /// The next line of its standard output; throws when none came within kLong.
  std::string line();

  /// What is left on its standard error and its exit status; waits for its end.
  std::string errors();
  ExitStatus wait();

 private:
  pid_t pid_ = 0;
  PidFd pidfd_;
  OwnedFd out_;
  OwnedFd err_;
};

/// A file without a name, to be some process's stdout or stderr.
class OutputFile {
 public:
  OutputFile();

  int fd() const { return file_.get(); }

  /// Everything written so far.
  std::string text() const;

 private:
  OwnedFd file_;
};

/// Makes the next start_child() execute a new fork server, if this is the thread sanitizer: its runtime starts a thread
/// of its own in a forked process, so that an early server refuses to fork. One executed afresh has no such thread.
void replace_early_server_under_thread_sanitizer();

/// Short forms for messages made of text.
void send_text(const FdSocket& socket, const std::string& text, std::vector<int> fds = {});
std::string text_of(const Message& message);

/// The next message's text; throws when none came within kLong.
std::string receive_text(const FdSocket& socket);

}  // namespace millrace::test
