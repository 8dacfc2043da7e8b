// CPython's test_multiprocessing: _TestListener, _TestListenerClient, OtherTest.test_answer_challenge_auth_failure.
#include "millrace/sharing/channel/listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "millrace/sharing/channel/wait.h"
#include "millrace/sharing/codec/sha256.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/process.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/interruptions.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace::listener_test {
namespace {

using namespace multiprocessing;  // NOLINT(google-build-using-namespace)
using test::kLong;

std::string hex(const Sha256Digest& digest) {
  std::string text;
  for (const std::byte byte : digest) {
    constexpr const char* kDigits = "0123456789abcdef";
    text += kDigits[static_cast<int>(byte) / 16];
    text += kDigits[static_cast<int>(byte) % 16];
  }
  return text;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Sha256, IsTheStandards) {
  EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256({bytes_of("a"), bytes_of("bc")})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256({bytes_of(std::string(1'000'000, 'a'))})),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(HmacSha256, IsThatOfRfc4231) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), {bytes_of("Hi There")})),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", {bytes_of("what do ya want "), bytes_of("for nothing?")})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      hex(hmac_sha256(std::string(131, '\xaa'), {bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")})),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

class ListenerTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_NE(::access(path().c_str(), F_OK), 0) << "the socket's file was left behind"; }

  std::string path() const { return folder_.path() + "/socket"; }

 private:
  test::Directory folder_;
};

class ListenerProcesses : public ListenerTest, public testing::WithParamInterface<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, ListenerProcesses, test::every_start_method(),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

TEST_P(ListenerProcesses, AreConnectedByItsPathAndTheKey) {
  Listener listener(path(), "key");
  Process process(
      GetParam(),
      +[](const std::string& path) {
        const auto connection = Client(path, "key");
        connection.send(connection.recv<std::string>() + " and back");
      },
      path());
  process.start();
  const auto connection = listener.accept(kLong);
  connection.send(std::string("there"));
  EXPECT_EQ(connection.recv<std::string>(), "there and back");
  EXPECT_TRUE(process.join(kLong));
  EXPECT_EQ(process.exitcode(), 0);
}

TEST_F(ListenerTest, RefusesAnotherKeyOnBothSidesAndGoesOn) {
  Listener listener(path(), "key");
  for (const std::string key : {"wrong", ""}) {
    std::thread client([&] { EXPECT_THROW((void)Client(path(), key), AuthenticationError); });
    EXPECT_THROW((void)listener.accept(kLong), AuthenticationError);
    client.join();
  }
  std::thread client([&] { Client(path(), "key").send(1); });
  EXPECT_EQ(listener.accept(kLong).recv<int>(), 1);
  client.join();
}

// A socket without our library behind it, which `join`, bind() or connect(), has taken to the path.
OwnedFd stranger_at(const std::string& path, int (*join)(int, const sockaddr*, socklen_t), int flags = 0) {
  OwnedFd socket(MILLRACE_SYSCALL(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0)));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  MILLRACE_SYSCALL(join(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  return socket;
}

OwnedFd stranger(const std::string& path, int flags = 0) { return stranger_at(path, ::connect, flags); }

TEST_F(ListenerTest, RefusesWhoSpeaksAnotherProtocolOrRepeatsItsWords) {
  Listener listener(path(), "key");
  {
    const OwnedFd socket = stranger(path());
    ASSERT_EQ(::send(socket.get(), "GET /", 5, 0), 5);
    EXPECT_THROW((void)listener.accept(kLong), AuthenticationError);
  }
  (void)stranger(path());  // Gone at once.
  EXPECT_THROW((void)listener.accept(kLong), AuthenticationError);
  const OwnedFd socket = stranger(path());
  std::thread echo([&] {
    std::array<char, 256> words{};
    const auto got = ::recv(socket.get(), words.data(), words.size(), 0);
    ASSERT_EQ(::send(socket.get(), words.data(), 64, 0), 64) << got;
  });
  EXPECT_THROW((void)listener.accept(kLong), AuthenticationError);
  echo.join();
}

// test_answer_challenge_auth_failure
TEST_F(ListenerTest, IsRefusedWhenItProvesSomethingElse) {
  const test::Watchdog watchdog("a Client of a false Listener", kLong);
  const OwnedFd impostor = stranger_at(path(), ::bind);
  MILLRACE_SYSCALL(::listen(impostor.get(), 1));
  std::thread false_proof([&] {
    const OwnedFd socket(MILLRACE_SYSCALL(::accept(impostor.get(), nullptr, nullptr)));
    const std::string greeting = "millrac1" + std::string(32, 'n');
    ASSERT_EQ(::send(socket.get(), greeting.data(), greeting.size(), 0), static_cast<ssize_t>(greeting.size()));
    std::array<char, 256> answer{};
    ASSERT_EQ(::recv(socket.get(), answer.data(), answer.size(), 0), 64);
    ASSERT_EQ(::send(socket.get(), answer.data() + 32, 32, 0), 32) << "the proof that the client gave itself";
  });
  EXPECT_THROW((void)Client(path(), "key", kLong), AuthenticationError);
  false_proof.join();
  ::unlink(path().c_str());
}

// test_ignore_listener
TEST_F(ListenerTest, SignalsInterruptNeitherSide) {
  Listener listener(path(), "key");
  const test::Interruptions often;
  std::thread client([&] {
    test::Interruptions::let_some_pass();
    Client(path(), "key").send(1);
  });
  EXPECT_EQ(listener.accept(kLong).recv<int>(), 1);
  client.join();
  std::thread accepting([&] {
    test::Interruptions::let_some_pass();
    listener.accept(kLong).send(2);
  });
  EXPECT_EQ(Client(path(), "key", kLong).recv<int>(), 2);
  accepting.join();
}

TEST_F(ListenerTest, IsItsUsersAloneAndLeavesNothingBehind) {
  const auto before = test::open_descriptors();
  {
    Listener listener(path());
    struct stat file{};
    ASSERT_EQ(::stat(path().c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600U);
    Listener moved = std::move(listener);
    EXPECT_EQ(moved.address(), path());
    try {
      const Listener second(path());
      ADD_FAILURE() << "two at one path";
    } catch (const SyscallError& e) {
      EXPECT_EQ(e.code().value(), EADDRINUSE);
    }
    std::thread client([&] { Client(path()).send(1); });
    EXPECT_EQ(wait({moved}, kLong).size(), 1u);
    EXPECT_EQ(moved.accept().recv<int>(), 1) << "without a key on either side";
    client.join();
    EXPECT_THROW((void)moved.accept(std::chrono::milliseconds(1)), TimeoutError);
    moved.close();
    EXPECT_THROW((void)moved.accept(), std::logic_error);
  }
  EXPECT_EQ(test::open_descriptors(), before);
  EXPECT_THROW((void)Client(path()), SyscallError) << "nobody listens";
  EXPECT_THROW(Listener(std::string(200, 'x')), std::invalid_argument);
}

TEST_F(ListenerTest, IsWaitedForAtMostAsLongAsTheTimeout) {
  const Listener listener(path());
  EXPECT_THROW((void)Client(path(), "", std::chrono::milliseconds(10)), TimeoutError) << "it does not accept";
}

TEST_F(ListenerTest, IsWaitedForAtMostAsLongAsTheTimeoutWhereTooManyWaitAlready) {
  const test::Watchdog watchdog("connecting to a Listener that does not accept", kLong);
  const Listener listener(path());
  std::vector<OwnedFd> strangers;
  try {
    for (int i = 0; i < 1'000; ++i) strangers.push_back(stranger(path(), SOCK_NONBLOCK));
    ADD_FAILURE() << "a thousand may wait";
  } catch (const SyscallError& e) {
    EXPECT_EQ(e.code().value(), EAGAIN);
  }
  EXPECT_THROW((void)Client(path(), "", std::chrono::milliseconds(10)), TimeoutError);
  EXPECT_THROW((void)Client(path(), "", std::chrono::milliseconds(0)), TimeoutError);
}

TEST_F(ListenerTest, WaitsForASilentPeerNoLongerThanItsTimeout) {
  Listener listener(path());
  const OwnedFd silent = stranger(path());
  EXPECT_THROW((void)listener.accept(std::chrono::milliseconds(10)), TimeoutError);
}

TEST_F(ListenerTest, WelcomesOneWhoIsThereWhenItMayNotWait) {
  Listener listener(path());
  std::thread client([&] { EXPECT_EQ(Client(path(), "").recv<int>(), 1); });
  std::optional<Connection> connection;
  while (!connection) {
    try {
      connection = listener.accept(std::chrono::milliseconds(0));
    } catch (const TimeoutError&) {
      std::this_thread::yield();
    }
  }
  connection->send(1);
  client.join();
}

}  // namespace
}  // namespace millrace::listener_test
