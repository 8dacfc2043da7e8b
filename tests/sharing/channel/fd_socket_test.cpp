#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/child.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using test::kLong;
using test::receive_text;
using test::send_text;
using test::text_of;
using testing::HasSubstr;

std::string pattern(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 31 + (i >> 8));
  return text;
}

TEST(FdSocket, KeepsMessageBorders) {
  auto [a, b] = FdSocket::pair();
  send_text(a, "one");
  send_text(a, "");
  send_text(a, "three");
  EXPECT_EQ(receive_text(b), "one");
  EXPECT_EQ(receive_text(b), "") << "an empty message is a message, not end of file";
  EXPECT_EQ(receive_text(b), "three");
}

TEST(FdSocket, GivesWhatWasSentBeforeAnEndThatLeftMessagesUnread) {
  auto [a, b] = FdSocket::pair();
  send_text(b, "a question");
  send_text(a, "one");
  send_text(a, "two");
  a.close();
  EXPECT_EQ(receive_text(b), "one");
  EXPECT_EQ(receive_text(b), "two");
  EXPECT_FALSE(b.receive().has_value());
}

TEST(FdSocket, CarriesDescriptorsThatWorkInTheirOrder) {
  auto [a, b] = FdSocket::pair();
  const EventFd first, second;
  send_text(a, "two events", {first.fd(), second.fd()});
  auto message = b.receive();
  ASSERT_EQ(message->fds.size(), 2u);
  EventFd(std::move(message->fds[1])).signal();
  EXPECT_TRUE(poll_readable(second.fd(), milliseconds(0)));
  EXPECT_FALSE(poll_readable(first.fd(), milliseconds(0)));
}

TEST(FdSocket, ReceivedDescriptorsCloseOnExec) {
  auto [a, b] = FdSocket::pair();
  send_text(a, "", {STDOUT_FILENO});
  const auto message = b.receive();
  EXPECT_EQ(::fcntl(message->fds.at(0).get(), F_GETFD), FD_CLOEXEC);
}

TEST(FdSocket, CarriesAsManyDescriptorsAsItSaysBesideALargeMessage) {
  auto [a, b] = FdSocket::pair();
  const std::vector<int> fds(FdSocket::kMaxFds, STDOUT_FILENO);
  const auto text = pattern(100'000);
  send_text(a, text, fds);
  const auto message = b.receive();
  EXPECT_EQ(message->fds.size(), FdSocket::kMaxFds);
  EXPECT_EQ(text_of(*message), text);
}

TEST(FdSocket, RefusesMoreDescriptorsThanItSays) {
  auto [a, b] = FdSocket::pair();
  EXPECT_THROW(send_text(a, "", std::vector<int>(FdSocket::kMaxFds + 1, STDOUT_FILENO)), std::runtime_error);
}

class FdSocketSizes : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(, FdSocketSizes, testing::Values(1, 65'535, 65'536, 65'537, 1 << 20, 20 << 20));

TEST_P(FdSocketSizes, ArriveWholeWithTheirDescriptors) {
  auto [a, b] = FdSocket::pair();
  const auto text = pattern(GetParam());
  const auto memory = create_memfd("beside", 1);
  send_text(a, text, {memory.get()});
  send_text(a, "next");
  const auto message = b.receive();
  EXPECT_TRUE(text_of(*message) == text);
  ASSERT_EQ(message->fds.size(), 1u) << "the memory of a large message is not the receiver's business";
  EXPECT_EQ(test::inode_of(message->fds[0].get()), test::inode_of(memory.get()));
  EXPECT_EQ(receive_text(b), "next");
}

TEST(FdSocket, LargeMessagesLeaveNoDescriptorBehind) {
  auto [a, b] = FdSocket::pair();
  const auto before = test::open_descriptors();
  for (int i = 0; i < 3; ++i) {
    send_text(a, pattern(100'000));
    b.receive();
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(FdSocket, GivesWhatWasSentBeforeTheEnd) {
  auto [a, b] = FdSocket::pair();
  send_text(a, "last words");
  a.close();
  EXPECT_EQ(receive_text(b), "last words");
  EXPECT_FALSE(b.receive());
  EXPECT_FALSE(b.receive()) << "and so it stays";
}

TEST(FdSocket, SendToNobodyThrowsPeerGone) {
  auto [a, b] = FdSocket::pair();
  b.close();
  EXPECT_THROW(send_text(a, "hello?"), PeerGone);
  EXPECT_THROW(send_text(a, pattern(100'000)), PeerGone);
}

TEST(FdSocket, BlockedSendEndsWhenTheReceiverIsKilled) {
  auto [a, b] = FdSocket::pair();
  // The child owns the only other end and never reads: the sender fills the buffer and blocks.
  const auto stay = [](std::span<const std::byte>, std::vector<OwnedFd>) {
    ::pause();
    return 0;
  };
  auto child = start_child(StartMethod::kForkServer, {stay, {}, {b.fd()}, "reader"});
  b.close();
  std::atomic<size_t> sent = 0;
  std::thread killer([&] {
    while (sent < 3) std::this_thread::yield();
    child.kill(SIGKILL);
  });
  const auto text = pattern(60'000);
  EXPECT_THROW(
      for (;;) {
        send_text(a, text);
        ++sent;
      },
      PeerGone);
  killer.join();
  EXPECT_EQ(child.wait(kLong).value().signal(), SIGKILL);
}

TEST(FdSocket, EachMessageGoesToOneReceiverWhole) {
  constexpr size_t kReceivers = 3, kMessages = 300;
  auto [a, b] = FdSocket::pair();
  std::array<std::vector<std::string>, kReceivers> got;
  std::vector<std::thread> receivers;
  for (auto& mine : got)
    receivers.emplace_back([&, &end = b] {
      while (auto message = end.receive()) mine.push_back(text_of(*message));
    });
  std::multiset<std::string> sent, received;
  for (size_t i = 0; i < kMessages; ++i) {
    const auto text = std::string(i, 'x') + std::to_string(i);
    sent.insert(text);
    send_text(a, text);
  }
  a.close();
  for (auto& thread : receivers) thread.join();
  for (const auto& mine : got) received.insert(mine.begin(), mine.end());
  EXPECT_EQ(received, sent);
}

TEST(FdSocket, ReceiveTimeoutNamesWhoWasWaitedFor) {
  auto [a, b] = FdSocket::pair();
  try {
    b.receive(milliseconds(3), "the decoder");
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "no answer from the decoder within 3 ms");
  }
  send_text(a, "late");
  EXPECT_EQ(receive_text(b), "late");
}

void send_raw(const FdSocket& socket, const void* bytes, size_t size) {
  ASSERT_EQ(::send(socket.fd(), bytes, size, MSG_NOSIGNAL), static_cast<ssize_t>(size));
}

// A frame as fd_socket.cpp writes it, to write wrong ones.
struct RawFrame {
  uint32_t magic = 0x4d52464d;
  uint32_t body = 0;
  uint64_t bytes = 0;
  uint64_t tag = 0;
  uint64_t offset = 0;
};

TEST(FdSocket, ForeignBytesAreAnErrorAndTheNextMessageIsFine) {
  auto [a, b] = FdSocket::pair();
  const std::string garbage = "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n";
  send_raw(a, garbage.data(), garbage.size());
  EXPECT_THROW(b.receive(), std::runtime_error);
  send_raw(a, garbage.data(), 1);
  EXPECT_THROW(b.receive(), std::runtime_error);
  const std::string oversized(100'000, 'x');
  send_raw(a, oversized.data(), oversized.size());
  EXPECT_THROW(b.receive(), std::runtime_error);
  send_text(a, "fine");
  EXPECT_EQ(receive_text(b), "fine");
}

TEST(FdSocket, FramesThatLieAboutTheirLengthAreErrors) {
  auto [a, b] = FdSocket::pair();
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{1} << 40, UINT64_MAX}) {
    for (const uint32_t body : {0u, 1u, 2u, UINT32_MAX}) {
      const RawFrame frame{.body = body, .bytes = bytes};
      send_raw(a, &frame, sizeof frame);
      EXPECT_THROW(b.receive(), std::runtime_error) << "body " << body << ", bytes " << bytes;
    }
  }
}

TEST(FdSocket, ALargeMessageWhoseMemoryIsTooSmallOrNotSealedIsAnError) {
  auto [a, b] = FdSocket::pair();
  const auto small = create_memfd("small", 10);
  const OwnedFd unsealed = OwnedFd(MILLRACE_SYSCALL(::open("/dev/zero", O_RDWR | O_CLOEXEC)));
  for (const int fd : {small.get(), unsealed.get()}) {
    RawFrame frame{.body = 1, .bytes = 100};
    iovec part{&frame, sizeof frame};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    ASSERT_GT(::sendmsg(a.fd(), &message, 0), 0);
    EXPECT_THROW(b.receive(), std::runtime_error);
  }
}

TEST(FdSocket, RandomBytesNeverDoMoreThanThrow) {
  auto random = test::seeded_generator();
  auto [a, b] = FdSocket::pair();
  const auto before = test::open_descriptors();
  for (int i = 0; i < 20'000; ++i) {
    std::string text(1 + random() % 100, '\0');
    for (auto& c : text) c = static_cast<char>(random());
    const RawFrame frame{.body = static_cast<uint32_t>(random() % 3), .bytes = random() % 120};
    if (random() % 2) std::memcpy(text.data(), &frame, std::min(text.size(), sizeof frame));
    send_raw(a, text.data(), text.size());
    try {
      b.receive();
    } catch (const std::runtime_error&) {
      continue;  // What most of them are.
    }
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

// Lowers the limit of open files so that exactly `free` more can be opened, while it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(size_t free) {
    MILLRACE_SYSCALL(::getrlimit(RLIMIT_NOFILE, &before_));
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(*test::open_descriptors().rbegin()) + 1;
    // Holes below the highest number would be room as well.
    MILLRACE_SYSCALL(::setrlimit(RLIMIT_NOFILE, &limit));
    for (int fd = 0; (fd = ::dup(STDOUT_FILENO)) >= 0;) fill_.emplace_back(fd);
    for (size_t i = 0; i < free && !fill_.empty(); ++i) fill_.pop_back();
    if (fill_.empty()) {
      limit.rlim_cur += free;
      MILLRACE_SYSCALL(::setrlimit(RLIMIT_NOFILE, &limit));
    }
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
  std::vector<OwnedFd> fill_;
};

TEST(FdSocket, DescriptorsLostForWantOfRoomAreReportedWithTheCure) {
  auto [a, b] = FdSocket::pair();
  send_text(a, "five", std::vector<int>(5, STDOUT_FILENO));
  const auto before = test::open_descriptors();
  {
    const FewDescriptors limit(2);
    try {
      b.receive();
      FAIL() << "descriptors were lost silently";
    } catch (const std::runtime_error& e) {
      EXPECT_THAT(e.what(), HasSubstr("ulimit -n"));
    }
  }
  EXPECT_EQ(test::open_descriptors(), before) << "those that did arrive are closed";
}

}  // namespace
}  // namespace millrace
