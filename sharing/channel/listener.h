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
/// Both prove to each other that they have the key (HMAC-SHA-256 of random challenges) before anything is decoded. Only
/// its user may use the socket's file, whatever the umask; with an empty key there is no other protection. What a peer
/// with the key sends is believed as if it came from a process of ours (docs/security.md). The protocol is not
/// Python's, so the two do not understand each other.
///
/// Thread safety: any number of threads may accept() at once; otherwise as a container.
///
/// If a process dies here: the socket's file stays, and a later Listener at that path says so. Connections go on.
///
/// Descriptors: one.
class Listener {
 public:
  /// Listens at `path`. Throws SyscallError when there is something already, std::invalid_argument when the path is too
  /// long for a socket (107 bytes).
  explicit Listener(const std::string& path, std::string authkey = {});
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener() { close(); }

  /// The next connection, waited for until it has come and proved that it has the key. Throws TimeoutError after
  /// `timeout` (nullopt: never), but not before a peer that has come had half a second for its proof. Throws
  /// AuthenticationError when the peer has another key, or says nothing for 10 s; the next one is welcome.
  Connection accept(Timeout timeout = std::nullopt);

  const std::string& address() const { return path_; }

  /// A descriptor for wait(), readable when a peer has come.
  int fileno() const { return socket_.get(); }

  /// Removes the socket's file, if it is still this one. Connections stay.
  void close();

 private:
  std::string path_;
  std::string authkey_;
  OwnedFd socket_;
  dev_t device_ = 0;  // The device of the socket's file.
  ino_t inode_ = 0;
  pid_t owner_ = 0;  // The process that made this; a forked child removes nothing.
};

/// Connects to the Listener at `path`. Throws SyscallError when no process listens there, AuthenticationError when the
/// Listener has another key, TimeoutError when it did not accept within `timeout` (nullopt: waits as long as it lives).
Connection Client(const std::string& path, std::string_view authkey = {}, Timeout timeout = std::nullopt);

}  // namespace millrace::multiprocessing
