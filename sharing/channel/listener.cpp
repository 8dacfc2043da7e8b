#include "millrace/sharing/channel/listener.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "millrace/sharing/codec/sha256.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::multiprocessing {
namespace {

// So long somebody who has come may say nothing.
constexpr std::chrono::seconds kHandshake{10};
constexpr std::chrono::milliseconds kProof{500};  // For one who is there already, whatever the timeout.
constexpr int kWaiting = 128;                     // Connections that nobody has accepted yet.

using Nonce = std::array<std::byte, 32>;

// The packets that travel before a connection is one: of these sizes, and nothing beside them.
struct Greeting {
  std::array<char, 8> protocol = {'m', 'i', 'l', 'l', 'r', 'a', 'c', '1'};
  Nonce listeners;
};
struct Answer {
  Nonce clients;
  Sha256Digest proof;
};
struct Welcome {
  Sha256Digest proof;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    throw std::invalid_argument("the path of a Listener has " + std::to_string(path.size()) +
                                " bytes; a socket's may have 1 to " + std::to_string(sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

OwnedFd open_socket(int flags) {
  return OwnedFd(MILLRACE_SYSCALL(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0)));
}

Nonce random_nonce() {
  Nonce nonce{};
  const auto got = MILLRACE_SYSCALL(::getrandom(nonce.data(), nonce.size(), 0));
  if (static_cast<size_t>(got) != nonce.size()) throw std::runtime_error("the kernel gave too few random bytes");
  return nonce;
}

// Each side proves something else, so that nobody is answered with his own words.
Sha256Digest proof_of(std::string_view who, std::string_view authkey, const Nonce& listeners, const Nonce& clients) {
  return hmac_sha256(authkey, {std::as_bytes(std::span(who)), listeners, clients});
}
constexpr std::string_view kClient = "client";
constexpr std::string_view kListener = "listener";

// False when the other side is gone.
template <class Packet>
bool send_packet(const OwnedFd& socket, const Packet& packet) {
  const auto sent = millrace::detail::retry_interrupted(
      [&] { return ::send(socket.get(), &packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT); });
  return sent == static_cast<ssize_t>(sizeof packet);
}

// Receives a packet; nullopt for anything else. Takes no descriptors: nobody has proved anything yet.
template <class Packet>
std::optional<Packet> receive_packet(const OwnedFd& socket, Timeout timeout) {
  if (!poll_readable(socket.get(), timeout)) throw TimeoutError("nothing came within the time for a connection");
  std::array<std::byte, sizeof(Packet) + 1> bytes{};
  const auto got = millrace::detail::retry_interrupted(
      [&] { return ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT); });
  if (got != static_cast<ssize_t>(sizeof(Packet))) return std::nullopt;
  Packet packet;
  std::memcpy(&packet, bytes.data(), sizeof packet);
  return packet;
}

void welcome(const OwnedFd& socket, std::string_view authkey, const detail::Deadline& deadline) {
  const std::chrono::nanoseconds limit = std::max<std::chrono::nanoseconds>(deadline.left(kHandshake), kProof);
  Greeting greeting;
  greeting.listeners = random_nonce();
  std::optional<Answer> answer;
  try {
    if (send_packet(socket, greeting)) answer = receive_packet<Answer>(socket, limit);
  } catch (const TimeoutError&) {
    if (limit < kHandshake) throw TimeoutError("somebody connected and said nothing within the rest of the timeout");
    throw AuthenticationError("somebody connected and said nothing for 10 s");
  }
  if (!answer) throw AuthenticationError("somebody connected and left, or speaks another protocol");
  const bool proved =
      equal_in_constant_time(answer->proof, proof_of(kClient, authkey, greeting.listeners, answer->clients));
  if (!proved) throw AuthenticationError("somebody connected with another key");
  // Should it be gone, the connection says so.
  (void)send_packet(socket, Welcome{proof_of(kListener, authkey, greeting.listeners, answer->clients)});
}

void introduce(const OwnedFd& socket, std::string_view authkey, const detail::Deadline& deadline) {
  const auto greeting = receive_packet<Greeting>(socket, deadline.left());
  if (!greeting || greeting->protocol != Greeting().protocol)
    throw AuthenticationError("who listens there is gone, or speaks another protocol");
  Answer answer{random_nonce(), {}};
  answer.proof = proof_of(kClient, authkey, greeting->listeners, answer.clients);
  if (!send_packet(socket, answer)) throw AuthenticationError("who listens there is gone");
  const auto welcomed = receive_packet<Welcome>(socket, deadline.left());
  const bool proved =
      welcomed &&
      equal_in_constant_time(welcomed->proof, proof_of(kListener, authkey, greeting->listeners, answer.clients));
  if (!proved) throw AuthenticationError("who listens there has another key");
}

// How long connect() waits for a place among those who wait to be accepted; zero for ever.
void set_connect_limit(const OwnedFd& socket, std::chrono::microseconds limit) {
  constexpr int64_t kSecond = 1'000'000;
  const timeval time{.tv_sec = limit.count() / kSecond, .tv_usec = limit.count() % kSecond};
  MILLRACE_SYSCALL(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
}

void connect_to(const OwnedFd& socket, const std::string& path, const detail::Deadline& deadline) {
  const sockaddr_un address = address_of(path);
  for (;;) {
    const Timeout left = deadline.left();
    if (left) {
      const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(*left);
      set_connect_limit(socket, std::max(limit, std::chrono::microseconds(1)));
    }
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) break;
    if (errno == EAGAIN && deadline.passed())
      throw TimeoutError("who listens at " + printable(path) +
                         " accepts nobody, and as many as may wait for that do so already");
    if (errno != EAGAIN && errno != EINTR) millrace::detail::throw_syscall_error(errno, "connect", path);
  }
  set_connect_limit(socket, {});  // The socket's send() has it too.
}

}  // namespace

Listener::Listener(const std::string& path, std::string authkey)
    : path_(path), authkey_(std::move(authkey)), socket_(open_socket(SOCK_NONBLOCK)), owner_(own_pid()) {
  const sockaddr_un address = address_of(path);
  // The file gets the socket's mode.
  MILLRACE_SYSCALL(::fchmod(socket_.get(), 0600), path);
  const int bound = ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (bound != 0 && errno == EADDRINUSE)
    throw SyscallError(EADDRINUSE, "bind: there is something at " + printable(path) +
                                       " already; if nobody listens there any more, remove it");
  if (bound != 0) millrace::detail::throw_syscall_error(errno, "bind", path);
  try {
    struct stat file{};
    MILLRACE_SYSCALL(::stat(path.c_str(), &file), path);
    device_ = file.st_dev;
    inode_ = file.st_ino;
    MILLRACE_SYSCALL(::listen(socket_.get(), kWaiting), path);
  } catch (...) {
    ::unlink(path.c_str());  // There is no destructor that does it.
    throw;
  }
}

Listener::Listener(Listener&& other) noexcept
    : path_(std::move(other.path_)),
      authkey_(std::move(other.authkey_)),
      socket_(std::move(other.socket_)),
      device_(other.device_),
      inode_(other.inode_),
      owner_(std::exchange(other.owner_, 0)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this == &other) return *this;
  close();
  path_ = std::move(other.path_);
  authkey_ = std::move(other.authkey_);
  socket_ = std::move(other.socket_);
  device_ = other.device_;
  inode_ = other.inode_;
  owner_ = std::exchange(other.owner_, 0);
  return *this;
}

void Listener::close() {
  if (!socket_) return;
  socket_.reset();
  struct stat file{};
  if (owner_ == own_pid() && ::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_)
    ::unlink(path_.c_str());
}

Connection Listener::accept(Timeout timeout) {
  if (!socket_) throw std::logic_error("a Listener is used after it was closed or moved away");
  const detail::Deadline deadline(timeout);
  for (;;) {
    if (!poll_readable(socket_.get(), deadline.left())) throw TimeoutError("nobody connected within the timeout");
    OwnedFd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) continue;  // Another thread was quicker.
    if (!peer) millrace::detail::throw_syscall_error(errno, "accept4", path_);
    welcome(peer, authkey_, deadline);
    return Connection(FdSocket(std::move(peer)), Connection::Use::kBoth);
  }
}

Connection Client(const std::string& path, std::string_view authkey, Timeout timeout) {
  const detail::Deadline deadline(timeout);
  OwnedFd socket = open_socket(0);
  connect_to(socket, path, deadline);
  introduce(socket, authkey, deadline);
  return Connection(FdSocket(std::move(socket)), Connection::Use::kBoth);
}

}  // namespace millrace::multiprocessing
