#include "millrace/loader/engine/overflow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "millrace/loader/errors.h"
#include "millrace/loader/sources/fill_request.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::overflow_test {
namespace {

using testing::HasSubstr;

struct OverflowTest : testing::Test, engine_fakes::Bench {
  OverflowTest() { std::tie(crew.sockets[0], sender) = FdSocket::pair(); }

  // As worker 0.
  void send(uint64_t slot, uint32_t generation, char contents = 'x') {
    SpillPrefix prefix;
    prefix.slot = slot;
    prefix.generation = generation;
    std::vector<std::byte> bytes(sizeof prefix + 1, static_cast<std::byte>(contents));
    std::memcpy(bytes.data(), &prefix, sizeof prefix);
    sender.send(bytes);
  }

  static char contents(const Arrival& message) { return static_cast<char>(message.bytes()[sizeof(SpillPrefix)]); }

  // What is wrong with worker 0, as it is said.
  std::string complaint() {
    try {
      tested.collect();
    } catch (const BoardCorrupted& e) {
      return e.what();
    }
    return "none";
  }

  FdSocket sender;
  Overflow tested{crew, board, in_flight};
};

TEST_F(OverflowTest, TakesTheMessageOfABatch) {
  open();
  const size_t slot = open();
  send(slot, in_flight[slot].generation, 'y');
  EXPECT_EQ(contents(*tested.take(slot)), 'y');
}

TEST_F(OverflowTest, SaysSoWhereThereIsNone) {
  const size_t slot = open();
  EXPECT_THROW(tested.take(slot), DecodeError);
}

TEST_F(OverflowTest, DropsWhatNobodyWaitsFor) {
  const size_t slot = open();
  send(slot, in_flight[slot].generation + 1);
  send(slot + 1, in_flight[slot].generation);
  send(1'000'000, in_flight[slot].generation);
  EXPECT_EQ(complaint(), "none");
  EXPECT_THROW(tested.take(slot), DecodeError);
}

TEST_F(OverflowTest, DropsWhatIsTooShortToSayWhatItIs) {
  const size_t slot = open();
  sender.send(std::vector<std::byte>(7));
  EXPECT_EQ(complaint(), "none");
  EXPECT_THROW(tested.take(slot), DecodeError);
}

TEST_F(OverflowTest, KeepsTheLastMessageOfABatch) {
  const size_t slot = open();  // Read twice, since a worker died.
  send(slot, in_flight[slot].generation, 'a');
  send(slot, in_flight[slot].generation, 'b');
  EXPECT_EQ(contents(*tested.take(slot)), 'b');
}

TEST_F(OverflowTest, RefusesMoreMessagesThanAWorkerCanHaveToSend) {
  for (int i = 0; i < 2; ++i) open();
  const size_t most = kGeometry.slots + 2;  // One a slot, and one for each batch that was opened.
  for (size_t i = 0; i < most; ++i) send(0, 0);
  EXPECT_EQ(complaint(), "none");
  for (size_t i = 0; i < kGeometry.slots; ++i) send(0, 0);
  EXPECT_EQ(complaint(), "none") << "nothing was opened since, so one a slot";
  for (size_t i = 0; i < kGeometry.slots + 1; ++i) send(0, 0);
  EXPECT_THAT(complaint(), HasSubstr("worker 0 sent the loader what no worker of ours sends (more batches than it was "
                                     "asked for)"));
}

TEST_F(OverflowTest, RefusesWhatIsNoMessage) {
  const std::vector<char> garbage(100, 'g');
  ASSERT_EQ(::send(sender.fd(), garbage.data(), garbage.size(), 0), 100);
  EXPECT_THAT(complaint(), HasSubstr("worker 0 sent the loader what no worker of ours sends ("));
}

TEST_F(OverflowTest, ReadsWhatTheDeadHadSent) {
  const size_t slot = open();
  send(slot, in_flight[slot].generation, 'z');
  sender.close();
  const FdSocket left = crew.take_overflow(0);
  tested.collect(0, left);
  EXPECT_EQ(contents(*tested.take(slot)), 'z');
}

TEST_F(OverflowTest, ClosesDescriptorsThatCameAlong) {
  const size_t slot = open();
  std::vector<std::byte> bytes(sizeof(SpillPrefix));
  const SpillPrefix prefix{.slot = slot, .generation = in_flight[slot].generation};
  std::memcpy(bytes.data(), &prefix, sizeof prefix);
  const int fd = sender.fd();
  sender.send(bytes, {&fd, 1});
  EXPECT_TRUE(tested.take(slot)->fds.empty());
}

}  // namespace
}  // namespace millrace::overflow_test
