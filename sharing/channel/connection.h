#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/encodable.h"
#include "millrace/sharing/os/deadline.h"

namespace millrace::multiprocessing {

namespace detail {

/// Encodes the values as one message. The kinds of the message's numbers stand in front, since both ends say the types
/// on their own.
template <class... T>
Encoded encode_message(const T&... values) {
  uint32_t kinds = 0;  // A place holder: the kinds are known when all is written, and behind it there would be no room
                       // without a copy.
  EncodeArchive archive;
  archive.write(&kinds, sizeof kinds);
  if constexpr ((millrace::detail::require_travels<std::remove_const_t<T>>() & ... & true)) archive(values...);
  kinds = archive.kinds().hash();
  Encoded message = archive.take();
  std::memcpy(message.bytes.data(), &kinds, sizeof kinds);
  return message;
}

/// The values of a message, which has to hold them and nothing else. Throws DecodeError.
template <class... T>
void decode_message(Arrival& message, T&... values) {
  uint32_t kinds = 0;
  DecodeArchive archive(message.bytes(), message.fds);
  archive.read(&kinds, sizeof kinds);
  if constexpr ((millrace::detail::require_travels<T>() & ... & true)) archive(values...);
  if (archive.remaining() > 0)
    throw DecodeError("a message holds " + std::to_string(archive.remaining()) +
                      " bytes more than what it was read as: sender and receiver disagree on its type");
  if (archive.kinds().hash() != kinds)
    throw DecodeError(
        "a message was read as other numbers than it was sent as, of the same sizes: sender and receiver disagree on "
        "its type, such as double for int64_t, or a signed one for an unsigned");
}

}  // namespace detail

/// One end of a Pipe(): sends and receives whole messages, of any type that the codec knows.
///
/// A message is on its way when send() returns: the sender may end, and tensors and descriptors inside it arrive all
/// the same. send() waits while some hundred messages lie unread; messages above 64 KiB take shared memory instead of
/// room in the socket.
///
/// Thread safety: any number of threads, and of processes that hold copies of the end, may send and receive at the same
/// time; each message goes to one receiver, whole. (Python's may not.) close(), load() and moves need that nobody uses
/// the object.
///
/// If a process dies here: a message has been sent or it has not, never half. When the last copy of an end is closed,
/// by close(), destruction or death, the other end reads what is left and then gets EndOfFile, and PeerGone when it
/// sends. That never comes while this process keeps a copy of the other end itself: close the copy once the end has
/// been handed over, or move it into the call.
///
/// Descriptors: one.
class Connection {
 public:
  /// A closed connection.
  Connection() = default;

  /// Sends the values as one message. Throws PeerGone, or what their encoding throws, and then nothing was sent.
  template <class... T>
  void send(const T&... values) const {
    const auto message = detail::encode_message(values...);
    send_message(message.bytes, message.fd_numbers());
  }

  /// The next message, waited for, as what it was sent: recv<int>() gives an int, recv<int, std::string>() a tuple.
  /// Throws EndOfFile, or DecodeError when the message is something else (it is gone then).
  template <class... T>
  auto recv() const {
    auto message = receive();
    std::tuple<T...> values;
    std::apply([&](auto&... value) { detail::decode_message(message, value...); }, values);
    if constexpr (sizeof...(T) == 1)
      return std::get<0>(std::move(values));
    else
      return values;
  }

  /// Sends bytes as they are.
  void send_bytes(std::span<const std::byte> bytes) const { send_message(bytes, {}); }
  void send_bytes(std::string_view text) const { send_bytes(std::as_bytes(std::span(text))); }

  /// The next message's bytes. Throws std::length_error when there are more than `maxlength`: nothing was copied, the
  /// message is gone, and the connection is as good as before (Python's is not).
  std::vector<std::byte> recv_bytes(std::optional<size_t> maxlength = std::nullopt) const;

  /// Receives the next message's bytes into `buffer`, and gives their number. Throws BufferTooShort, with the message,
  /// when there are more than fit.
  size_t recv_bytes_into(std::span<std::byte> buffer) const;

  /// Whether recv() would return at once, with a message or with EndOfFile; waits for that at most `timeout` (nullopt:
  /// for ever).
  bool poll(Timeout timeout = std::chrono::nanoseconds(0)) const;

  void close() { socket_.close(); }
  bool closed() const { return !socket_; }
  bool readable() const { return use_ != Use::kSend; }
  bool writable() const { return use_ != Use::kReceive; }

  /// A descriptor for wait(), epoll and select, readable when poll() is true. Throws std::logic_error when closed.
  int fileno() const { return open_socket().fd(); }

  /// Sends a copy of this connection. Close this one unless both are to be used.
  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  enum class Use : uint8_t { kBoth, kReceive, kSend };
  friend std::pair<Connection, Connection> Pipe(bool duplex);
  friend class Listener;
  friend Connection Client(const std::string& path, std::string_view authkey, Timeout timeout);

  Connection(FdSocket socket, Use use) : socket_(std::move(socket)), use_(use) {}

  const FdSocket& open_socket() const;
  void send_message(std::span<const std::byte> bytes, std::span<const int> fds) const;
  Arrival receive() const;

  FdSocket socket_;
  Use use_ = Use::kBoth;
};

}  // namespace millrace::multiprocessing
