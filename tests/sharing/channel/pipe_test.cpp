#include "millrace/sharing/channel/pipe.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <map>
#include <string>
#include <thread>

#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/process/process.h"
#include "millrace/tests/support/interruptions.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

// Python's cases of _TestConnection, _TestPoll and _TestPicklingConnections, named where a test is one of them.
namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;
using testing::ElementsAre;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Pipe, CarriesValuesInOrder) {
  auto [a, b] = Pipe();
  a.send(1);
  a.send(std::string("two"));
  a.send(std::vector<double>{3, 4.5});
  EXPECT_EQ(b.recv<int>(), 1);
  EXPECT_EQ(b.recv<std::string>(), "two");
  EXPECT_THAT(b.recv<std::vector<double>>(), ElementsAre(3, 4.5));
}

TEST(Pipe, CarriesBothWays) {
  auto [a, b] = Pipe();
  a.send(1);
  b.send(2);
  EXPECT_EQ(a.recv<int>(), 2);
  EXPECT_EQ(b.recv<int>(), 1);
}

TEST(Pipe, CarriesSeveralValuesInOneMessage) {
  auto [a, b] = Pipe();
  a.send(7, std::string("seven"), std::map<int, int>{{7, 49}});
  const auto [number, word, squares] = b.recv<int, std::string, std::map<int, int>>();
  EXPECT_EQ(number, 7);
  EXPECT_EQ(word, "seven");
  EXPECT_EQ(squares.at(7), 49);
}

TEST(Pipe, AMessageReadAsAnotherTypeIsAnErrorAndTheNextIsFine) {
  auto [a, b] = Pipe();
  a.send(int64_t{1});
  a.send(int32_t{1});
  a.send(2);
  EXPECT_THROW(b.recv<int32_t>(), DecodeError) << "too long";
  EXPECT_THROW(b.recv<int64_t>(), DecodeError) << "too short";
  EXPECT_EQ(b.recv<int>(), 2);
}

TEST(Pipe, OneWayReceivesAtTheFirstEndAndSendsAtTheSecond) {  // test_duplex_false
  auto [reader, writer] = Pipe(false);
  writer.send(1);
  EXPECT_EQ(reader.recv<int>(), 1);
  EXPECT_TRUE(reader.readable());
  EXPECT_FALSE(reader.writable());
  EXPECT_FALSE(writer.readable());
  EXPECT_TRUE(writer.writable());
  EXPECT_THROW(reader.send(2), std::logic_error);
  EXPECT_THROW(writer.recv<int>(), std::logic_error);
  EXPECT_THROW(writer.poll(), std::logic_error);
}

TEST(Pipe, BytesArriveAsTheyAre) {  // test_sendbytes
  auto [a, b] = Pipe();
  const std::string letters = "abcdefghijklmnopqrstuvwxyz";
  a.send_bytes(letters);
  a.send_bytes(std::string_view(letters).substr(5, 4));
  a.send_bytes("");
  EXPECT_EQ(b.recv_bytes(), bytes_of(letters));
  EXPECT_EQ(b.recv_bytes(), bytes_of("fghi"));
  EXPECT_EQ(b.recv_bytes(), bytes_of(""));
}

TEST(Pipe, BytesAreReadIntoABufferThatIsLargeEnough) {  // test_connection
  auto [a, b] = Pipe();
  a.send_bytes("hello");
  std::vector<std::byte> buffer(10, std::byte{'.'});
  EXPECT_EQ(b.recv_bytes_into(buffer), 5u);
  EXPECT_EQ(buffer, bytes_of("hello....."));
}

TEST(Pipe, ABufferTooShortGetsTheMessageWithTheError) {  // test_connection
  auto [a, b] = Pipe();
  a.send_bytes("this buffer will be too short");
  std::vector<std::byte> buffer(3);
  try {
    b.recv_bytes_into(buffer);
    FAIL();
  } catch (const BufferTooShort& e) {
    EXPECT_EQ(e.message(), bytes_of("this buffer will be too short"));
  }
  a.send_bytes("ok");
  EXPECT_EQ(b.recv_bytes_into(buffer), 2u);
}

TEST(Pipe, AMessageLongerThanMaxlengthIsAnErrorAndTheNextIsFine) {
  auto [a, b] = Pipe();
  a.send_bytes("12345");
  a.send_bytes("1234");
  EXPECT_THROW((void)b.recv_bytes(4), std::length_error);
  EXPECT_EQ(b.recv_bytes(4).size(), 4u);
}

TEST(Pipe, SixteenMegabytesArrive) {  // test_connection, really_big_msg
  auto [a, b] = Pipe();
  std::string large(16 << 20, 'X');
  large.back() = 'Y';
  a.send(large);
  a.send_bytes(large);
  EXPECT_TRUE(b.recv<std::string>() == large);
  EXPECT_TRUE(b.recv_bytes() == bytes_of(large));
}

TEST(Pipe, PollTellsWhetherThereIsAMessage) {  // test_connection, test_strings
  auto [a, b] = Pipe();
  EXPECT_FALSE(b.poll());
  EXPECT_FALSE(b.poll(milliseconds(-1)));
  EXPECT_FALSE(b.poll(milliseconds(5)));
  a.send(1);
  EXPECT_TRUE(b.poll(std::nullopt));
  EXPECT_TRUE(b.poll()) << "it stays until it is received";
  b.recv<int>();
  EXPECT_FALSE(b.poll());
}

TEST(Pipe, PollSeesAnEmptyMessage) {  // test_empty_string
  auto [a, b] = Pipe();
  a.send_bytes("");
  EXPECT_TRUE(b.poll());
  EXPECT_TRUE(b.poll());
  EXPECT_EQ(b.recv_bytes().size(), 0u);
  EXPECT_FALSE(b.poll());
}

TEST(Pipe, PollWakesUpWhenAMessageComes) {
  auto [a, b] = Pipe();
  std::thread sender([&, &end = a] { end.send(1); });
  EXPECT_TRUE(b.poll(kLong));
  sender.join();
}

TEST(Pipe, MessagesAreNeverMergedNorCut) {  // test_boundaries, test_dont_merge
  auto [a, b] = Pipe();
  for (const auto* text : {"a", "b", "cd"}) a.send_bytes(text);
  for (const auto* text : {"a", "b", "cd"}) {
    EXPECT_TRUE(b.poll());
    EXPECT_EQ(b.recv_bytes(), bytes_of(text));
  }
  EXPECT_FALSE(b.poll());
}

TEST(Pipe, GivesWhatWasSentAndThenEndOfFile) {
  auto [a, b] = Pipe();
  a.send(1);
  a.close();
  EXPECT_TRUE(b.poll());
  EXPECT_EQ(b.recv<int>(), 1);
  EXPECT_TRUE(b.poll()) << "end of file is something to receive";
  EXPECT_THROW(b.recv<int>(), EndOfFile);
  EXPECT_THROW(b.recv_bytes(), EndOfFile);
  EXPECT_THROW(b.send(1), PeerGone);
}

TEST(Pipe, AClosedEndSaysSo) {  // test_context
  auto [a, b] = Pipe();
  EXPECT_FALSE(a.closed());
  a.close();
  EXPECT_TRUE(a.closed());
  a.close();
  EXPECT_THROW(a.send(1), std::logic_error);
  EXPECT_THROW(a.recv<int>(), std::logic_error);
  EXPECT_THROW(a.poll(), std::logic_error);
  EXPECT_THROW(a.fileno(), std::logic_error);
  EXPECT_THROW(encode(a), std::logic_error);
}

TEST(Pipe, GoingOutOfScopeIsClosing) {  // test_context
  const auto before = test::open_descriptors();
  {
    auto [a, b] = Pipe();
    Connection moved = std::move(a);
    EXPECT_TRUE(a.closed());
    moved.send(1);
    EXPECT_EQ(b.recv<int>(), 1);
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(Pipe, WhatCannotBeEncodedThrowsInTheSenderAndSendsNothing) {
  struct Unwilling {
    void save(EncodeArchive& archive) const {
      archive(1);
      throw std::runtime_error("not me");
    }
    void load(DecodeArchive&) {}
  };
  auto [a, b] = Pipe();
  EXPECT_THROW(a.send(Unwilling()), std::runtime_error);
  EXPECT_FALSE(b.poll());
}

TEST(Pipe, CarriesDescriptors) {  // test_fd_transfer
  auto [a, b] = Pipe();
  auto memory = create_memfd("message", 1);
  const auto inode = test::inode_of(memory.get());
  a.send(memory);
  memory.reset();
  EXPECT_EQ(test::inode_of(b.recv<OwnedFd>().get()), inode);
}

TEST(Pipe, CarriesDescriptorsWithLargeNumbers) {  // test_large_fd_transfer
  auto [a, b] = Pipe();
  const OwnedFd large(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 5'000));
  ASSERT_GE(large.get(), 5'000);
  a.send(large);
  EXPECT_EQ(test::inode_of(b.recv<OwnedFd>().get()), test::inode_of(STDOUT_FILENO));
}

TEST(Pipe, AMessageWithoutTheDescriptorItPromisesIsAnError) {  // test_missing_fd_transfer
  auto [a, b] = Pipe();
  a.send_bytes("");
  EXPECT_THROW(b.recv<OwnedFd>(), DecodeError);
}

TEST(Pipe, CarriesConnections) {  // test_pickling
  auto [a, b] = Pipe();
  auto [inner_a, inner_b] = Pipe(false);
  a.send(inner_b);
  inner_b.close();
  auto received = b.recv<Connection>();
  EXPECT_FALSE(received.readable()) << "it is still the end that only sends";
  received.send(5);
  EXPECT_EQ(inner_a.recv<int>(), 5);
  received.close();
  EXPECT_THROW(inner_a.recv<int>(), EndOfFile);
}

TEST(Pipe, ManyThreadsSendAndReceiveAtOneEndEach) {
  constexpr int kThreads = 3, kMessages = 300;
  auto [a, b] = Pipe();
  std::atomic<int64_t> sum = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, &end = a] {
      for (int i = 1; i <= kMessages; ++i) end.send(i);
    });
    threads.emplace_back([&, &end = b] {
      for (int i = 1; i <= kMessages; ++i) sum += end.recv<int>();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(sum, kThreads * kMessages * (kMessages + 1) / 2);
}

TEST(Pipe, SignalsInterruptNeitherEnd) {  // test_ignore
  auto [a, b] = Pipe();
  const test::Interruptions often;
  std::thread other([&end = b] {
    test::Interruptions::let_some_pass();
    end.send(1);
    test::Interruptions::let_some_pass();
    for (int i = 0; i < 500; ++i) end.recv_bytes();
  });
  EXPECT_TRUE(a.poll(kLong));
  EXPECT_EQ(a.recv<int>(), 1);
  for (int i = 0; i < 500; ++i) a.send_bytes(std::string(10'000, 'x'));  // More than a socket holds.
  other.join();
}

class PipeProcesses : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, PipeProcesses, test::every_start_method(), test::start_method_name);

void echo(Connection connection) {
  for (;;) {
    const auto bytes = connection.recv_bytes();
    if (bytes.empty()) return;
    connection.send_bytes(bytes);
  }
}

TEST_P(PipeProcesses, EchoWhatTheyAreSent) {  // test_connection
  auto [a, b] = Pipe();
  Process p(GetParam(), echo, std::move(b));
  p.start();
  for (const auto& text : {std::string("hello"), std::string("x"), std::string(200'000, 'y')}) {
    a.send_bytes(text);
    EXPECT_EQ(a.recv_bytes(), bytes_of(text));
  }
  a.send_bytes("");
  EXPECT_TRUE(p.join(kLong));
  EXPECT_EQ(p.exitcode(), 0);
}

TEST_P(PipeProcesses, LeaveTheirMessagesWhenTheyEndThenEndOfFile) {  // test_spawn_close
  auto [a, b] = Pipe();
  Process p(
      GetParam(),
      +[](Connection connection) {
        connection.send(std::string("last words"));
        connection.send(create_memfd("inheritance", 4321));
      },
      std::move(b));
  p.start();
  EXPECT_TRUE(p.join(kLong));
  p.close();
  EXPECT_EQ(a.recv<std::string>(), "last words");
  EXPECT_EQ(sealed_size(a.recv<OwnedFd>().get()), 4321u);
  EXPECT_THROW(a.recv<int>(), EndOfFile);
}

TEST_P(PipeProcesses, KilledWhileTheyAreWaitedForAreEndOfFile) {
  auto [a, b] = Pipe();
  Process p(GetParam(), +[](Connection connection) { connection.recv<int>(); }, std::move(b));
  p.start();
  std::thread killer([&] { p.kill(); });
  EXPECT_THROW(a.recv<int>(), EndOfFile);
  killer.join();
  EXPECT_TRUE(p.join(kLong));
}

TEST_P(PipeProcesses, PassConnectionsOn) {  // test_pickling
  auto [a, b] = Pipe();
  auto [inner_a, inner_b] = Pipe();
  Process p(
      GetParam(),
      +[](Connection connection) {
        const auto inner = connection.recv<Connection>();
        inner.send(2 * inner.recv<int>());
      },
      std::move(b));
  p.start();
  a.send(inner_b);
  inner_b.close();
  inner_a.send(21);
  EXPECT_EQ(inner_a.recv<int>(), 42);
  EXPECT_TRUE(p.join(kLong));
}

TEST_P(PipeProcesses, KeepTheDirectionOfAConnection) {  // test_access
  auto [reader, writer] = Pipe(false);
  Process p(
      GetParam(),
      +[](Connection connection) {
        if (connection.readable()) throw std::runtime_error("may read");
        connection.send(1);
      },
      std::move(writer));
  p.start();
  EXPECT_EQ(reader.recv<int>(), 1);
  EXPECT_TRUE(p.join(kLong));
  EXPECT_EQ(p.exitcode(), 0);
}

}  // namespace
}  // namespace millrace::multiprocessing
