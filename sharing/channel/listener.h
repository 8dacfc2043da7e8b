#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "millrace/sharing/channel/connection.h"
#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::multiprocessing {

/// multiprocessing.connection.Listener: a Unix socket at a path, by which programs of one machine that did not start
/// each other get a Pipe.
///
///   mp::Listener listener("/run/user/1000/trainer", key);      // one program
///   auto connection = listener.accept();
///
///   auto connection = mp::Client("/run/user/1000/trainer", key);  // another
///
/// Both prove to each other that they have the key (HMAC-SHA-256 of random challenges) before anything is decoded. The
/// socket's file may be used by its user alone, whatever the umask; with an empty key that is all the protection there
/// is. What a peer with the key sends is believed as from any process of ours (docs/security.md). Other than Python's,
/// which speaks another protocol, it does not understand Python.
///
/// Thread safety: any number of threads may accept() at once; otherwise as a container.
///
/// If a process dies here: the socket's file stays, and a later Listener at that path says so; who is connected goes
/// on.
///
/// Descriptors: one.
class Listener {
 public:
  /// Throws SyscallError when there is something at `path` already, std::invalid_argument when it is too long for a
  /// socket (107 bytes).
  explicit Listener(const std::string& path, std::string authkey = {});
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener() { close(); }

  /// The next connection; waits at most `timeout` (nullopt: for ever) for it to come and to prove that it has the key,
  /// to which it has half a second at least; then throws TimeoutError. Throws AuthenticationError when who comes has
  /// another key, or says nothing for 10 s; the next one is welcome.
  Connection accept(Timeout timeout = std::nullopt);

  const std::string& address() const { return path_; }

  /// For wait(): readable when somebody has come.
  int fileno() const { return socket_.get(); }

  /// Removes the socket's file, if it is still this one. Connections stay.
  void close();

 private:
  std::string path_;
  std::string authkey_;
  OwnedFd socket_;
  dev_t device_ = 0;  // Of the socket's file.
  ino_t inode_ = 0;
  pid_t owner_ = 0;  // A forked child removes nothing.
};

/// Connects to the Listener at `path`. Throws SyscallError when nobody listens there, AuthenticationError when it has
/// another key, TimeoutError when it did not accept within `timeout` (nullopt: waits as long as it lives).
Connection Client(const std::string& path, std::string_view authkey = {}, Timeout timeout = std::nullopt);

}  // namespace millrace::multiprocessing
