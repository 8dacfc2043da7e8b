#include "millrace/sharing/channel/fd_socket.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

using detail::Frame;

constexpr size_t kInlineBytes = 64 << 10;

// One message buffer per thread waits here while no Arrival has it. Zeroing or allocating one for each message would
// cost more than receiving it.
thread_local std::unique_ptr<std::byte[]> spare_buffer;

std::vector<OwnedFd> take_descriptors(msghdr& message) {
  std::vector<OwnedFd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

// A sender that could shrink the file could kill us by SIGBUS.
void require_sealed(int memory) {
  try {
    static_cast<void>(sealed_size(memory));
  } catch (const std::runtime_error& e) {
    throw DecodeError(e.what());
  }
}

[[noreturn]] void throw_send_error(int error, const Outgoing& message) {
  if (error == EPIPE || error == ECONNRESET) throw PeerGone("the process at the other end of a socket is gone");
  detail::throw_syscall_error(error, "sendmsg", message.bytes().size(), message.fds().size());
}

// Calls `receive`, and gives what it gives. An end that left messages of ours unread is reported as a reset, once, and
// before the messages that were sent to us until then.
template <class Receive>
ssize_t receive_behind_reset(const Receive& receive) {
  const ssize_t got = detail::retry_interrupted(receive);
  return got < 0 && errno == ECONNRESET ? detail::retry_interrupted(receive) : got;
}

}  // namespace

Outgoing::Outgoing(std::span<const std::byte> bytes, std::span<const int> fds) : bytes_(bytes), fds_(fds) {
  if (fds.size() > FdSocket::kMaxFds)
    throw std::runtime_error("a message carries " + counted(fds.size(), "descriptor") + ", the limit is " +
                             std::to_string(FdSocket::kMaxFds) +
                             ": send them in several messages, those of a process's arguments through a Pipe (a "
                             "queue has two, an array of more than 256 bytes one)");
  if (bytes.size() <= kInlineBytes) return;
  large_ = SharedHeap::instance().allocate(bytes.size(), Backing::kMemfd);
  std::memcpy(large_->data(), bytes.data(), bytes.size());
  ticket_ = SharedHeap::instance().open_ticket(*large_);
  large_->lock_for(ticket_);
  all_fds_.push_back(ticket_.get());
  all_fds_.insert(all_fds_.end(), fds.begin(), fds.end());
}

Arrival::Arrival(Arrival&& other) noexcept
    : fds(std::move(other.fds)),
      tag(other.tag),
      buffer_(std::move(other.buffer_)),
      heap_(std::move(other.heap_)),
      block_(std::move(other.block_)),
      bytes_(std::exchange(other.bytes_, {})) {}

Arrival& Arrival::operator=(Arrival&& other) noexcept {
  std::swap(fds, other.fds);
  std::swap(tag, other.tag);
  std::swap(buffer_, other.buffer_);
  std::swap(heap_, other.heap_);
  std::swap(block_, other.block_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Arrival::~Arrival() {
  if (buffer_) spare_buffer = std::move(buffer_);
}

std::byte* Arrival::buffer() {
  if (!buffer_) buffer_ = std::move(spare_buffer);
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(kInlineBytes);
  return buffer_.get();
}

std::span<std::byte> Arrival::allocate(size_t size) {
  std::byte* memory = nullptr;
  if (size <= kInlineBytes) {
    memory = buffer();
  } else {
    heap_ = std::make_unique_for_overwrite<std::byte[]>(size);
    memory = heap_.get();
  }
  bytes_ = {memory, size};
  return {memory, size};
}

std::pair<FdSocket, FdSocket> FdSocket::pair() {
  std::array<int, 2> ends{};
  MILLRACE_SYSCALL(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()));
  return {FdSocket(OwnedFd(ends[0])), FdSocket(OwnedFd(ends[1]))};
}

void FdSocket::hang_up() {
  if (!fd_) return;
  static_cast<void>(::shutdown(fd_.get(), SHUT_RDWR));  // Fails only where the other end is gone.
  close();
}

ssize_t FdSocket::send_frame(const Outgoing& outgoing, uint64_t tag, int flags) const {
  const bool large = static_cast<bool>(outgoing.large_);
  const std::span<const std::byte> body = large ? std::span<const std::byte>() : outgoing.bytes_;
  const std::span<const int> fds = large ? std::span<const int>(outgoing.all_fds_) : outgoing.fds_;
  Frame frame;
  frame.body = large ? Frame::Body::kInBlock : Frame::Body::kInline;
  frame.offset = large ? outgoing.large_->offset() : 0;
  frame.bytes = outgoing.bytes_.size();
  frame.tag = tag;
  std::array<iovec, 2> parts = {iovec{&frame, sizeof frame}, iovec{const_cast<std::byte*>(body.data()), body.size()}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * (kMaxFds + 1))> control;
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  return detail::retry_interrupted([&] { return ::sendmsg(fd(), &message, MSG_NOSIGNAL | flags); });
}

void FdSocket::send(std::span<const std::byte> bytes, std::span<const int> fds) const {
  const Outgoing message(bytes, fds);
  if (send_frame(message, 0, 0) < 0) throw_send_error(errno, message);
}

FdSocket::Sent FdSocket::try_send(const Outgoing& message, uint64_t tag) const {
  if (send_frame(message, tag, MSG_DONTWAIT) >= 0) return Sent::kYes;
  if (errno == EAGAIN) return Sent::kSocketFull;
  if (errno == ETOOMANYREFS) return Sent::kTooManyDescriptors;
  throw_send_error(errno, message);
}

FdSocket::Received FdSocket::receive_with(Arrival& arrival, int flags) const {
  arrival.fds.clear();
  arrival.block_.reset();
  arrival.bytes_ = {};
  Frame frame;
  std::array<iovec, 2> parts = {iovec{&frame, sizeof frame}, iovec{arrival.buffer(), kInlineBytes}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * (kMaxFds + 1))> control;
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto got = receive_behind_reset([&] { return ::recvmsg(fd(), &message, MSG_CMSG_CLOEXEC | flags); });
  if (got < 0 && errno == EAGAIN) return Received::kNothing;
  if (got < 0 && errno == ECONNRESET) return Received::kEndOfFile;
  if (got < 0) detail::throw_syscall_error(errno, "recvmsg", fd());
  if (got == 0) return Received::kEndOfFile;

  arrival.fds = take_descriptors(message);
  if (message.msg_flags & MSG_CTRUNC)
    throw std::runtime_error(
        "descriptors of a message were lost on arrival: this process has reached its limit of open files (ulimit -n); "
        "raise it");
  const auto header_bytes = static_cast<ssize_t>(sizeof frame);
  if (got < header_bytes || frame.magic != Frame::kMagic || (message.msg_flags & MSG_TRUNC))
    throw DecodeError("a socket delivered " + std::to_string(got) + " bytes that are no Millrace message");
  arrival.tag = frame.tag;
  if (frame.body == Frame::Body::kInBlock) {
    if (arrival.fds.empty()) throw DecodeError("a large message arrived without its memory");
    const OwnedFd ticket = std::move(arrival.fds.front());
    arrival.fds.erase(arrival.fds.begin());
    require_sealed(ticket.get());
    arrival.block_ = SharedHeap::instance().import(ticket, frame.offset, frame.bytes);
    arrival.bytes_ = {arrival.block_->data(), frame.bytes};
    return Received::kMessage;
  }
  if (static_cast<uint64_t>(got - header_bytes) != frame.bytes)
    throw DecodeError("a message arrived with another length than it says");
  arrival.bytes_ = {arrival.buffer(), frame.bytes};
  return Received::kMessage;
}

FdSocket::Received FdSocket::receive_into(Arrival& arrival) const { return receive_with(arrival, 0); }

FdSocket::Received FdSocket::try_receive_into(Arrival& arrival) const { return receive_with(arrival, MSG_DONTWAIT); }

FdSocket::Received FdSocket::try_peek_into(Arrival& arrival) const {
  return receive_with(arrival, MSG_DONTWAIT | MSG_PEEK);
}

std::optional<Message> FdSocket::receive() const {
  Arrival arrival;
  if (receive_into(arrival) != Received::kMessage) return std::nullopt;
  const auto bytes = arrival.bytes();
  return Message{{bytes.begin(), bytes.end()}, std::move(arrival.fds)};
}

std::optional<Message> FdSocket::receive(std::chrono::nanoseconds timeout, const char* what) const {
  if (!poll_readable(fd(), timeout))
    throw std::runtime_error(std::string("no answer from ") + what + " within " +
                             std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()) +
                             " ms");
  return receive();
}

bool FdSocket::try_discard() const {
  std::byte rest_is_dropped{};
  // No room for descriptors is given, so the kernel closes them.
  const auto got = receive_behind_reset([&] { return ::recv(fd(), &rest_is_dropped, 1, MSG_DONTWAIT); });
  if (got < 0 && errno != EAGAIN && errno != ECONNRESET) detail::throw_syscall_error(errno, "recv", fd());
  return got > 0;
}

std::optional<uint64_t> FdSocket::peek_tag() const {
  Frame frame;
  const auto got = receive_behind_reset([&] { return ::recv(fd(), &frame, sizeof frame, MSG_PEEK | MSG_DONTWAIT); });
  if (got < 0 && errno != EAGAIN && errno != ECONNRESET) detail::throw_syscall_error(errno, "recv", fd());
  if (got < static_cast<ssize_t>(sizeof frame)) return std::nullopt;
  return frame.tag;
}

}  // namespace millrace
