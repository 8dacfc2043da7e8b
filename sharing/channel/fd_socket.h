#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "millrace/sharing/memory/shared_heap.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// The process at the other end is gone, or has closed its end.
class PeerGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A message as it arrived: its bytes, and the descriptors that travelled with it, now ours.
struct Message {
  std::vector<std::byte> bytes;
  std::vector<OwnedFd> fds;
};

namespace detail {

/// What stands in front of every message in a socket.
struct Frame {
  static constexpr uint32_t kMagic = 0x4d52464d;  // "MFRM"
  enum class Body : uint32_t { kInline, kInBlock };

  uint32_t magic = kMagic;
  Body body = Body::kInline;
  uint64_t bytes = 0;
  uint64_t tag = 0;
  uint64_t offset = 0;  // Where the block that holds the body begins in its segment.
};

}  // namespace detail

/// A message to send. A message too large for a socket (64 KiB) lies in shared memory already, so that sending it is
/// one short system call. It borrows the bytes and the descriptors.
class Outgoing {
 public:
  /// Prepares a message. Throws std::runtime_error when there are more than FdSocket::kMaxFds descriptors,
  /// OutOfSharedMemory.
  explicit Outgoing(std::span<const std::byte> bytes, std::span<const int> fds = {});

  std::span<const std::byte> bytes() const { return bytes_; }
  std::span<const int> fds() const { return fds_; }

 private:
  friend class FdSocket;

  std::span<const std::byte> bytes_;
  std::span<const int> fds_;
  std::shared_ptr<const BlockUse> large_;  // Holds the bytes when they are too many for a socket.
  OwnedFd ticket_;                         // Opens large_'s segment: keeps the bytes until the receiver has them.
  std::vector<int> all_fds_;               // What is sent where large_ is set: ticket_, then fds_.
};

/// A message where it arrived, so that bytes that are read and thrown away need not be copied. Move-only. The bytes
/// live as long as the object, or until something else is received into it.
class Arrival {
 public:
  Arrival() = default;
  Arrival(Arrival&& other) noexcept;
  Arrival& operator=(Arrival&& other) noexcept;
  ~Arrival();

  std::span<const std::byte> bytes() const { return bytes_; }

  /// The descriptors that came along, now ours.
  std::vector<OwnedFd> fds;

  /// A number of the sender's own beside the message; 0 unless given.
  uint64_t tag = 0;

  /// Memory for a message of `size` bytes that comes from elsewhere. It becomes bytes().
  std::span<std::byte> allocate(size_t size);

 private:
  friend class FdSocket;

  std::byte* buffer();

  std::unique_ptr<std::byte[]> buffer_;  // Holds what came inside the socket; borrowed from this thread's store.
  std::unique_ptr<std::byte[]> heap_;
  std::shared_ptr<const BlockUse> block_;
  std::span<const std::byte> bytes_;
};

/// One end of a socket pair that keeps message borders (SOCK_SEQPACKET) and carries file descriptors.
///
/// Thread safety: send() and receive() may run at the same time on different threads, and from several processes that
/// hold copies of the end; each message goes to one receiver, whole.
///
/// If a process dies here: a message is either sent or not, never half; descriptors inside an undelivered message are
/// closed by the kernel when the socket goes; the other end sees end of file, or PeerGone when it sends.
///
/// Messages above 64 KiB travel as a block of shared memory that is recycled (memory/shared_heap.h), so their size is
/// bounded by memory only and a stream of them costs no page faults.
class FdSocket {
 public:
  FdSocket() = default;
  explicit FdSocket(OwnedFd fd) : fd_(std::move(fd)) {}

  static std::pair<FdSocket, FdSocket> pair();

  /// The most descriptors in one message; the kernel's own limit is 253.
  static constexpr size_t kMaxFds = 250;

  /// Sends one message; blocks while the socket's buffer is full. The descriptors stay the caller's. Throws PeerGone.
  void send(std::span<const std::byte> bytes, std::span<const int> fds = {}) const;

  enum class [[nodiscard]] Sent {
    kYes,
    kSocketFull,
    kTooManyDescriptors,  ///< This user has as many descriptors on their way in sockets as `ulimit -n` allows: some
                          ///< have to arrive first.
  };

  /// Sends a message unless that would wait.
  Sent try_send(const Outgoing& message, uint64_t tag = 0) const;

  /// The next message, waited for; nullopt at end of file. Throws DecodeError for bytes that are no message of
  /// Millrace, or that lie about themselves, and the message behind them is the next one. Throws std::runtime_error
  /// when there was no room for the message's descriptors.
  std::optional<Message> receive() const;

  /// The next message as receive() gives it. Throws std::runtime_error naming `what` when nothing came within
  /// `timeout`.
  std::optional<Message> receive(std::chrono::nanoseconds timeout, const char* what) const;

  enum class [[nodiscard]] Received { kMessage, kNothing, kEndOfFile };

  /// Receives the next message without copying it; waits for it. Gives kMessage or kEndOfFile, and throws as receive().
  Received receive_into(Arrival& arrival) const;

  /// Receives the next message as receive_into(), unless that would wait.
  Received try_receive_into(Arrival& arrival) const;

  /// Receives a copy of the next message, which stays where it is and comes again; its descriptors are copies too. Does
  /// not wait.
  Received try_peek_into(Arrival& arrival) const;

  /// Throws the next message away, and its descriptors with it, for which this process need not have room. False when
  /// there is none.
  bool try_discard() const;

  /// The tag of the message that comes next, without taking it; nullopt when there is none.
  std::optional<uint64_t> peek_tag() const;

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  void close() { fd_.reset(); }

  /// Closes, and lets the other end see end of file even while other processes hold copies of this one.
  void hang_up();

  OwnedFd take() { return std::move(fd_); }

 private:
  ssize_t send_frame(const Outgoing& message, uint64_t tag, int flags) const;
  Received receive_with(Arrival& arrival, int flags) const;

  OwnedFd fd_;
};

}  // namespace millrace
