#include "millrace/sharing/channel/fd_socket.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

constexpr uint32_t kMagic = 0x4d52464d;  // "MFRM"
constexpr size_t kInlineBytes = 64 << 10;

enum class Body : uint32_t { kInline, kInMemfd };

struct Frame {
  uint32_t magic = kMagic;
  Body body = Body::kInline;
  uint64_t bytes = 0;
};

void send_frame(int socket, const Frame& frame, std::span<const std::byte> body, std::span<const int> fds) {
  std::array<iovec, 2> parts = {iovec{const_cast<Frame*>(&frame), sizeof frame},
                                iovec{const_cast<std::byte*>(body.data()), body.size()}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * (FdSocket::kMaxFds + 1))> control{};
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
  const auto sent = detail::retry_interrupted([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); });
  if (sent >= 0) return;
  if (errno == EPIPE || errno == ECONNRESET) throw PeerGone("the process at the other end of a socket is gone");
  detail::throw_syscall_error(errno, "sendmsg", body.size(), fds.size());
}

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

}  // namespace

std::pair<FdSocket, FdSocket> FdSocket::pair() {
  std::array<int, 2> ends{};
  MILLRACE_SYSCALL(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()));
  return {FdSocket(OwnedFd(ends[0])), FdSocket(OwnedFd(ends[1]))};
}

void FdSocket::send(std::span<const std::byte> bytes, std::span<const int> fds) const {
  if (fds.size() > kMaxFds)
    throw std::runtime_error("a message carries " + std::to_string(fds.size()) + " descriptors, the limit is " +
                             std::to_string(kMaxFds) + ": send them in several messages");
  Frame frame;
  frame.bytes = bytes.size();
  if (bytes.size() <= kInlineBytes) return send_frame(fd(), frame, bytes, fds);

  const auto spilled = SharedSegment::create("message", bytes.size(), "send smaller messages");
  std::memcpy(MappedSegment(spilled, Access::kReadWrite).data(), bytes.data(), bytes.size());
  std::vector<int> all = {spilled.fd()};
  all.insert(all.end(), fds.begin(), fds.end());
  frame.body = Body::kInMemfd;
  send_frame(fd(), frame, {}, all);
}

std::optional<Message> FdSocket::receive() const {
  Frame frame;
  std::vector<std::byte> body(kInlineBytes);
  std::array<iovec, 2> parts = {iovec{&frame, sizeof frame}, iovec{body.data(), body.size()}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * (kMaxFds + 1))> control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto got = detail::retry_interrupted([&] { return ::recvmsg(fd(), &message, MSG_CMSG_CLOEXEC); });
  if (got < 0 && errno == ECONNRESET) return std::nullopt;
  if (got < 0) detail::throw_syscall_error(errno, "recvmsg", fd());
  if (got == 0) return std::nullopt;

  Message out;
  out.fds = take_descriptors(message);
  if (message.msg_flags & MSG_CTRUNC)
    throw std::runtime_error(
        "descriptors of a message were lost on arrival: this process has reached its limit of open files (ulimit -n); "
        "raise it");
  const auto header_bytes = static_cast<ssize_t>(sizeof frame);
  if (got < header_bytes || frame.magic != kMagic || (message.msg_flags & MSG_TRUNC))
    throw std::runtime_error("a socket delivered " + std::to_string(got) + " bytes that are no Millrace message");
  if (frame.body == Body::kInMemfd) {
    if (out.fds.empty()) throw std::runtime_error("a large message arrived without its memory");
    const auto spilled = SharedSegment::adopt(std::move(out.fds.front()));
    out.fds.erase(out.fds.begin());
    if (spilled.bytes() < frame.bytes) throw std::runtime_error("a large message arrived shorter than it says");
    const MappedSegment mapped(spilled, Access::kRead);
    out.bytes.assign(mapped.data(), mapped.data() + frame.bytes);
    return out;
  }
  if (static_cast<uint64_t>(got - header_bytes) != frame.bytes)
    throw std::runtime_error("a message arrived with another length than it says");
  body.resize(frame.bytes);
  out.bytes = std::move(body);
  return out;
}

std::optional<Message> FdSocket::receive(std::chrono::nanoseconds timeout, const char* what) const {
  if (!poll_readable(fd(), timeout))
    throw std::runtime_error(std::string("no answer from ") + what + " within " +
                             std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()) +
                             " ms");
  return receive();
}

}  // namespace millrace
