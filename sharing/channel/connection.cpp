#include "millrace/sharing/channel/connection.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/os/look.h"
#include "millrace/sharing/os/poll.h"

namespace millrace::multiprocessing {
namespace {

constexpr const char* kConnection = "a Connection";

}  // namespace

const FdSocket& Connection::open_socket() const {
  if (!socket_) throw std::logic_error("a connection is used after it was closed or moved away");
  return socket_;
}

void Connection::send_message(std::span<const std::byte> bytes, std::span<const int> fds) const {
  if (!writable()) throw std::logic_error("a connection that only receives was asked to send (Pipe with duplex false)");
  open_socket().send(bytes, fds);
}

Arrival Connection::receive() const {
  if (!readable()) throw std::logic_error("a connection that only sends was asked to receive (Pipe with duplex false)");
  const FdSocket& socket = open_socket();
  Arrival arrival;
  auto received = FdSocket::Received::kNothing;
  // An answer that is on its way comes sooner than this process could fall asleep and be woken.
  look_for_a_while([&] { return (received = socket.try_receive_into(arrival)) != FdSocket::Received::kNothing; });
  if (received == FdSocket::Received::kNothing) received = socket.receive_into(arrival);
  if (received == FdSocket::Received::kMessage) return arrival;
  throw EndOfFile("end of file: every other end of the connection is closed");
}

std::vector<std::byte> Connection::recv_bytes(std::optional<size_t> maxlength) const {
  const auto message = receive();
  if (maxlength && message.bytes().size() > *maxlength)
    throw std::length_error("a message of " + std::to_string(message.bytes().size()) + " bytes came, where at most " +
                            std::to_string(*maxlength) + " were expected");
  return {message.bytes().begin(), message.bytes().end()};
}

size_t Connection::recv_bytes_into(std::span<std::byte> buffer) const {
  const auto message = receive();
  const auto bytes = message.bytes();
  if (bytes.size() > buffer.size())
    throw BufferTooShort("a message of " + std::to_string(bytes.size()) + " bytes was to be read into " +
                             std::to_string(buffer.size()) + " bytes",
                         {bytes.begin(), bytes.end()});
  std::copy(bytes.begin(), bytes.end(), buffer.begin());
  return bytes.size();
}

bool Connection::poll(Timeout timeout) const {
  if (!readable()) throw std::logic_error("a connection that only sends has nothing to poll for");
  return poll_readable(open_socket().fd(), timeout);
}

void Connection::save(EncodeArchive& archive) const {
  millrace::detail::save_kind(archive, kConnection);
  archive(use_);
  archive.attach(open_socket().fd());
}

void Connection::load(DecodeArchive& archive) {
  millrace::detail::load_kind(archive, kConnection);
  archive(use_);
  if (use_ > Use::kSend) throw DecodeError("a connection was expected, but something else came");
  socket_ = FdSocket(archive.detach());
}

}  // namespace millrace::multiprocessing
