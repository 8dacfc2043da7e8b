#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

using test::kLong;

// Each message is {number, number, …} of that length, so that a torn one shows.
std::vector<uint64_t> numbered(uint64_t number) { return std::vector<uint64_t>(1 + number % 50, number); }

// Sends numbered messages, each with a descriptor, and reads the answers, until it is killed.
int chatter(std::span<const std::byte>, std::vector<OwnedFd> fds) {
  const FdSocket socket(std::move(fds.at(0)));
  for (uint64_t number = 0;; ++number) {
    const std::array carried = {socket.fd()};
    socket.send(encode(numbered(number)).bytes, carried);
    if (!socket.receive()) return 0;
  }
}

// A child, what it has said, and after how many messages it dies.
struct Speaker {
  Child child;
  FdSocket socket;
  uint64_t said = 0;
  uint64_t killed_after = 0;
};

void replace(Speaker& speaker, std::mt19937_64& random) {
  auto [ours, theirs] = FdSocket::pair();
  speaker.child = start_child(StartMethod::kForkServer, {chatter, {}, {theirs.fd()}, "chatter"});
  speaker.socket = std::move(ours);
  speaker.said = 0;
  speaker.killed_after = random() % 8;
}

TEST(Kill, AThousandChildrenAtRandomMomentsLeaveNothingAndNoTornMessage) {
  constexpr size_t kSpeakers = 4;
  int kills_left = 1'000;
  auto random = test::seeded_generator();
  const test::Watchdog watchdog("the kill test", std::chrono::seconds(200));
  const auto names_before = test::shared_memory_names();
  ForkServer::instance().pid();  // Connects, should an earlier test have killed the server.
  const auto descriptors_before = test::open_descriptors();
  uint64_t torn = 0, deaths = 0, messages = 0;
  {
    std::vector<Speaker> speakers(kSpeakers);
    for (auto& speaker : speakers) replace(speaker, random);
    while (kills_left > 0) {
      auto& speaker = speakers[random() % kSpeakers];
      if (speaker.said == speaker.killed_after) {
        // Somewhere between two instructions of its start, its sending or its receiving: this loop spends a random time
        // first.
        for (volatile uint64_t spin = random() % 20'000; spin > 0;) spin = spin - 1;
        speaker.child.kill(SIGKILL);
        --kills_left;
        while (speaker.socket.receive()) ++messages;  // What it had sent arrives whole.
        const auto status = speaker.child.wait(kLong);
        ASSERT_TRUE(status) << "its death was not reported";
        deaths += status->signal() == SIGKILL;
        replace(speaker, random);
        continue;
      }
      const auto message = speaker.socket.receive(kLong, "a speaker");
      ASSERT_TRUE(message);
      std::vector<uint64_t> text;
      DecodeArchive(message->bytes, {})(text);
      torn += text != numbered(speaker.said) || message->fds.size() != 1;
      ++speaker.said;
      ++messages;
      speaker.socket.send({});
    }
    for (auto& speaker : speakers) {
      speaker.child.kill(SIGKILL);
      speaker.child.wait(kLong);
    }
  }
  std::printf("1000 kills, %llu messages\n", static_cast<unsigned long long>(messages));
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(deaths, 1'000u);
  EXPECT_EQ(test::open_descriptors(), descriptors_before);
  EXPECT_EQ(test::shared_memory_names(), names_before);
}

}  // namespace
}  // namespace millrace
