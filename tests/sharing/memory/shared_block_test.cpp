#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <deque>
#include <thread>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/free_ranges.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/memory/shared_block.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/range_lock.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/child.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"
#include "millrace/tests/support/usable_fork_server.h"

namespace millrace {
namespace {

using test::kLong;
using testing::HasSubstr;

// The undefined behaviour sanitizer looks at exceptions through a pipe, and takes them for damaged when it gets none.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitizerNeedsDescriptors = true;
#else
constexpr bool kSanitizerNeedsDescriptors = false;
#endif

SharedBlock decode_block(Encoded& message) {
  DecodeArchive archive(message.bytes, message.fds);
  SharedBlock block;
  archive(block);
  return block;
}

void fill(const SharedBlock& block, uint64_t number) {
  auto* words = reinterpret_cast<uint64_t*>(block.data());
  std::fill_n(words, block.size() / sizeof number, number);
}

bool holds(const SharedBlock& block, uint64_t number) {
  const auto* words = reinterpret_cast<const uint64_t*>(block.data());
  return std::all_of(words, words + block.size() / sizeof number, [&](uint64_t word) { return word == number; });
}

// Allocates until the heap has to take new memory from the system, and says whether `address` was given out meanwhile.
bool is_given_out_again(const std::byte* address, size_t bytes) {
  const size_t segments = SharedHeap::instance().counts().own_segments;
  std::vector<SharedBlock> kept;
  while (SharedHeap::instance().counts().own_segments == segments)
    for (int i = 0; i < 1000; ++i) {  // Counting takes longer than allocating.
      const auto& latest = kept.emplace_back(SharedBlock::allocate(bytes));
      if (latest.data() <= address && address < latest.data() + bytes) return true;
    }
  return false;
}

TEST(FreeRanges, HandsOutNoByteTwiceAndJoinsAllInTheEnd) {
  constexpr uint64_t kBytes = 1000;
  auto random = test::seeded_generator();
  FreeRanges free;
  free.add(0, kBytes);
  std::vector<bool> used(kBytes);  // The model.
  std::vector<std::pair<uint64_t, uint64_t>> taken;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const uint64_t bytes = 1 + random() % 60;
      const auto fits = free.smallest_for(bytes);
      const auto offset = free.take(bytes);
      ASSERT_EQ(fits.has_value(), offset.has_value());
      if (!offset) continue;
      for (uint64_t i = *offset; i < *offset + bytes; ++i) {
        ASSERT_FALSE(used.at(i));
        used[i] = true;
      }
      taken.emplace_back(*offset, bytes);
    } else if (!taken.empty()) {
      std::swap(taken[random() % taken.size()], taken.back());
      const auto [offset, bytes] = taken.back();
      taken.pop_back();
      std::fill_n(used.begin() + static_cast<std::ptrdiff_t>(offset), bytes, false);
      free.add(offset, bytes);
    }
  }
  for (const auto& [offset, bytes] : taken) free.add(offset, bytes);
  EXPECT_EQ(free.take(kBytes), 0u);
}

TEST(RangeLock, HoldsUntilTheLastDescriptorOfItsOpeningIsGone) {
  const auto segment = SharedSegment::create("lock test", 4096, "");
  OwnedFd other = open_again(segment.fd());
  lock_range(other.get(), 64, 64);
  EXPECT_TRUE(is_locked_elsewhere(segment.fd(), 0, 128));
  EXPECT_FALSE(is_locked_elsewhere(segment.fd(), 0, 64));
  EXPECT_FALSE(is_locked_elsewhere(other.get(), 0, 4096)) << "its own lock";
  OwnedFd copy(::dup(other.get()));
  other.reset();
  EXPECT_TRUE(is_locked_elsewhere(segment.fd(), 64, 1));
  copy.reset();
  EXPECT_FALSE(is_locked_elsewhere(segment.fd(), 0, 4096));
}

TEST(SharedBlock, ComesBackToItsOwnProcessAsTheSameMemory) {
  const auto block = SharedBlock::allocate(100);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block.data()) % 64, 0u);
  auto message = encode(block);
  EXPECT_EQ(message.fds.size(), 1u);
  EXPECT_EQ(decode_block(message).data(), block.data());
}

TEST(SharedBlock, SharesOneDescriptorWithAllOthersOfAMessage) {
  std::vector<SharedBlock> blocks;
  for (int i = 0; i < 500; ++i) blocks.push_back(SharedBlock::allocate(64));
  auto message = encode(blocks);
  EXPECT_LE(message.fds.size(), 2u);
  DecodeArchive archive(message.bytes, message.fds);
  std::vector<SharedBlock> decoded;
  archive(decoded);
  ASSERT_EQ(decoded.size(), blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) EXPECT_EQ(decoded[i].data(), blocks[i].data());
}

TEST(SharedBlock, KnowsWhetherAnybodyElseHasIt) {
  const auto block = SharedBlock::allocate(100);
  const auto neighbour = SharedBlock::allocate(100);
  EXPECT_FALSE(block.used_elsewhere());
  {
    auto message = encode(block);
    EXPECT_TRUE(block.used_elsewhere());
    EXPECT_FALSE(neighbour.used_elsewhere());
    const SharedBlock received = decode_block(message);
    message = {};
    EXPECT_FALSE(block.used_elsewhere()) << "for the message is gone, and who received it is this process";
  }
  EXPECT_FALSE(block.used_elsewhere());
}

TEST(SharedBlock, IsRecycledOnceItsUserIsDone) {
  auto block = SharedBlock::allocate(3000);
  const std::byte* const address = block.data();
  block = {};
  EXPECT_TRUE(is_given_out_again(address, 3000));
}

TEST(SharedBlock, IsNotRecycledWhileAMessageIsOnItsWay) {
  auto block = SharedBlock::allocate(3000);
  const std::byte* const address = block.data();
  fill(block, 7);
  auto message = encode(block);
  block = {};
  EXPECT_FALSE(is_given_out_again(address, 3000));
  block = decode_block(message);
  EXPECT_EQ(block.data(), address);
  EXPECT_TRUE(holds(block, 7));
}

TEST(SharedBlock, IsRecycledWhenItsMessageIsLost) {
  auto block = SharedBlock::allocate(3000);
  const std::byte* const address = block.data();
  auto message = encode(block);
  block = {};
  auto [ours, theirs] = FdSocket::pair();
  ours.send(message.bytes, message.fd_numbers());
  message = {};
  EXPECT_FALSE(is_given_out_again(address, 3000));
  theirs.close();  // With the message unread.
  EXPECT_TRUE(is_given_out_again(address, 3000));
}

TEST(SharedBlock, OfALargeSizeIsGoneWithItsLastUser) {
  const auto before = SharedHeap::instance().counts();
  const auto descriptors = test::open_descriptors();
  {
    auto block = SharedBlock::allocate(size_t{200} << 20);
    EXPECT_EQ(SharedHeap::instance().counts().own_segments, before.own_segments + 1);
    auto message = encode(block);
    fill(block, 3);
    block = {};
    EXPECT_EQ(SharedHeap::instance().counts().own_segments, before.own_segments);
    EXPECT_TRUE(holds(decode_block(message), 3)) << "the message kept it";
  }
  EXPECT_EQ(SharedHeap::instance().counts().borrowed_segments, before.borrowed_segments);
  EXPECT_EQ(test::open_descriptors(), descriptors);
}

TEST(SharedBlock, CostsFewDescriptorsHoweverManyThereAre) {
  const size_t before = test::open_descriptors().size();
  std::vector<SharedBlock> blocks;
  for (int i = 0; i < 10'000; ++i) blocks.push_back(SharedBlock::allocate(20'000));
  EXPECT_LT(test::open_descriptors().size(), before + 40);
}

TEST(SharedBlock, RefusesMessagesThatNameWhatIsNotThere) {
  const auto block = SharedBlock::allocate(128);
  const auto decoded = [&](uint32_t ticket, uint64_t offset, uint64_t bytes) {
    Encoded message = encode(ticket, offset, bytes);
    message.fds.push_back(open_again(encode(block).fds.at(0).get()));
    return decode_block(message);
  };
  EXPECT_THROW(decoded(1, 0, 64), DecodeError) << "a ticket that has not come";
  EXPECT_THROW(decoded(0, uint64_t{1} << 50, 64), DecodeError) << "behind the end";
  EXPECT_THROW(decoded(0, 0, ~uint64_t{0}), DecodeError);
  EXPECT_THROW(decoded(0, 1, 64), DecodeError) << "not aligned";
  EXPECT_THROW(decoded(0, 0, 0), DecodeError);
  Encoded none = encode(uint32_t{0}, uint64_t{0}, uint64_t{64});
  EXPECT_THROW(decode_block(none), DecodeError) << "no descriptor";
}

TEST(SharedBlock, OnDevShmHasNoName) {
  const auto names = test::shared_memory_names();
  const auto block = SharedBlock::allocate(5000, Backing::kDevShm);
  EXPECT_EQ(test::shared_memory_names(), names);
  auto message = encode(block);
  EXPECT_EQ(decode_block(message).data(), block.data());
}

// What a message says that names the first 64 bytes of a file of another process's making.
std::string end_of_import(int file) {
  Encoded message = encode(uint32_t{0}, uint64_t{0}, uint64_t{64});
  message.fds.push_back(open_again(file));
  try {
    decode_block(message);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "accepted";
}

// Takes unsealed memory while it lives.
class AcceptsUnsealed {
 public:
  AcceptsUnsealed() { set_unsealed_memory(UnsealedMemory::kAccepted); }
  ~AcceptsUnsealed() { set_unsealed_memory(UnsealedMemory::kRefused); }
};

// It would kill this process with SIGBUS when its maker truncates it later.
TEST(UnsealedMemory, IsRefusedUnlessTheProcessSharesByFileSystem) {
  const OwnedFd on_dev_shm(MILLRACE_SYSCALL(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)));
  ASSERT_EQ(::ftruncate(on_dev_shm.get(), 4096), 0);
  EXPECT_THAT(end_of_import(on_dev_shm.get()), HasSubstr("file_system strategy"));
  const AcceptsUnsealed accepts;
  EXPECT_EQ(end_of_import(on_dev_shm.get()), "accepted");
}

TEST(UnsealedMemory, ThatIsNoFileOfOurOwnOnDevShmIsRefusedInAnyCase) {
  const AcceptsUnsealed accepts;
  const OwnedFd memfd = create_growing_memfd("unsealed");
  ASSERT_EQ(::ftruncate(memfd.get(), 4096), 0);
  EXPECT_THAT(end_of_import(memfd.get()), HasSubstr("not made by Millrace"));
  std::string name = testing::TempDir() + "millrace_unsealed_XXXXXX";
  const OwnedFd on_disk(::mkstemp(name.data()));
  ::unlink(name.c_str());
  ASSERT_EQ(::ftruncate(on_disk.get(), 4096), 0);
  EXPECT_THAT(end_of_import(on_disk.get()), HasSubstr("not made by Millrace"));
}

TEST(SharedBlock, MayBeMadeSentAndDroppedByManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      std::deque<std::pair<SharedBlock, uint64_t>> kept;
      for (uint64_t i = 0; i < 2'000; ++i) {
        auto block = SharedBlock::allocate(8 + random() % 5000);
        fill(block, i * 4 + t);
        auto message = encode(block);
        if (random() % 2 == 0) block = {};
        kept.emplace_back(decode_block(message), i * 4 + t);
        if (kept.size() <= random() % 10) continue;
        if (!holds(kept.front().first, kept.front().second)) ++wrong;
        kept.pop_front();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Answers every message with an empty one, and checks what it holds when it comes and when it goes. Sometimes the
// answer carries a block that came earlier. Ends with code 3 when a block has changed under its eyes.
struct Consumed {
  uint64_t number = 0;
  SharedBlock block;
};

int consume(std::span<const std::byte>, std::vector<OwnedFd> fds) {
  const FdSocket socket(std::move(fds.at(0)));
  std::mt19937_64 random(static_cast<uint64_t>(::getpid()));
  std::deque<Consumed> kept;
  const auto intact = [](const Consumed& consumed) { return holds(consumed.block, consumed.number); };
  while (auto message = socket.receive()) {
    DecodeArchive archive(message->bytes, message->fds);
    Consumed& latest = kept.emplace_back();
    archive(latest.number, latest.block);
    if (!std::all_of(kept.begin(), kept.end(), intact)) return 3;
    EncodeArchive answer;
    if (random() % 4 == 0) {
      const Consumed& forwarded = kept[random() % kept.size()];
      answer(forwarded.number, forwarded.block);
    }
    while (kept.size() > random() % 12) kept.pop_front();
    const Encoded encoded = answer.take();
    socket.send(encoded.bytes, encoded.fd_numbers());
  }
  return 0;
}

struct Consumer {
  Child child;
  FdSocket socket;

  explicit Consumer(StartMethod method) {
    auto [ours, theirs] = FdSocket::pair();
    child = start_child(method, {consume, {}, {theirs.fd()}, "consumer"});
    socket = std::move(ours);
  }

  void send(uint64_t number, const SharedBlock& block) const {
    const Encoded message = encode(number, block);
    socket.send(message.bytes, message.fd_numbers());
  }
};

class SharedBlocks : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(Methods, SharedBlocks, test::every_start_method(), test::start_method_name);

TEST_P(SharedBlocks, AreNotRecycledWhileAProcessHasThemAndAreWhenItIsKilled) {
  // Says how often it was asked and keeps everything.
  constexpr auto keep = +[](std::span<const std::byte>, std::vector<OwnedFd> fds) -> int {
    const FdSocket socket(std::move(fds.at(0)));
    std::vector<SharedBlock> kept;
    while (auto message = socket.receive()) {
      DecodeArchive archive(message->bytes, message->fds);
      archive(kept.emplace_back());
      message.reset();
      socket.send({});
    }
    return 0;
  };
  auto [ours, theirs] = FdSocket::pair();
  Child child = start_child(GetParam(), {keep, {}, {theirs.fd()}, "keeper"});
  auto block = SharedBlock::allocate(3000);
  const std::byte* const address = block.data();
  {
    const Encoded message = encode(block);
    ours.send(message.bytes, message.fd_numbers());
  }
  ASSERT_TRUE(ours.receive(kLong, "the keeper's answer"));
  EXPECT_TRUE(block.used_elsewhere());
  const auto other = SharedBlock::allocate(3000);
  EXPECT_FALSE(other.used_elsewhere());
  block = {};
  EXPECT_FALSE(is_given_out_again(address, 3000));
  child.kill(SIGKILL);
  ASSERT_TRUE(child.wait(kLong));
  EXPECT_TRUE(is_given_out_again(address, 3000));
}

TEST(SharedBlock, StaysWithAForkedChildThatInheritedIt) {
  auto block = SharedBlock::allocate(3000);
  const std::byte* const address = block.data();
  fill(block, 11);
  auto [ours, theirs] = FdSocket::pair();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool told = theirs.receive(kLong, "the parent's word").has_value();
    ::_exit(told && holds(block, 11) ? 0 : 1);
  }
  block = {};
  std::vector<SharedBlock> overwriting;
  for (int i = 0; i < 64; ++i) fill(overwriting.emplace_back(SharedBlock::allocate(3000)), 12);
  EXPECT_FALSE(is_given_out_again(address, 3000));
  ours.send({});
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  overwriting.clear();
  EXPECT_TRUE(is_given_out_again(address, 3000));
}

TEST(SharedBlock, IsGivenUpRatherThanRecycledWhenAForkedChildCannotLockIt) {
  if (kSanitizerNeedsDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors itself";
  const auto lost_before = SharedHeap::instance().counts().lost_blocks;
  auto block = SharedBlock::allocate(3000);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{0, limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const std::byte* const address = block.data();
  block = {};
  EXPECT_FALSE(is_given_out_again(address, 3000));
  EXPECT_GT(SharedHeap::instance().counts().lost_blocks, lost_before);
}

TEST(SharedBlock, IsNeverOverwrittenWhileAProcessReadsItThoughProcessesAreKilledAtRandom) {
  constexpr size_t kConsumers = 3;
  int kills_left = 300;
  auto random = test::seeded_generator();
  const test::Watchdog watchdog("the test of recycling under kills", std::chrono::seconds(200));
  std::deque<Consumer> consumers;
  for (size_t i = 0; i < kConsumers; ++i) consumers.emplace_back(StartMethod::kForkServer);
  std::deque<Consumed> kept;
  uint64_t sent = 0, changed = 0;
  while (kills_left > 0) {
    Consumer& consumer = consumers[random() % kConsumers];
    kept.push_back({++sent, SharedBlock::allocate(8 + random() % 20'000)});
    fill(kept.back().block, sent);
    try {
      consumer.send(sent, kept.back().block);
      while (kept.size() > random() % 4) kept.pop_front();
      if (random() % 8 == 0) {
        consumer.child.kill(SIGKILL);
        --kills_left;
      }
      auto answer = consumer.socket.receive(kLong, "a consumer's answer");
      if (!answer) throw PeerGone("killed");
      if (answer->bytes.empty()) continue;
      DecodeArchive archive(answer->bytes, answer->fds);
      Consumed& came = kept.emplace_back();
      archive(came.number, came.block);
      if (!holds(came.block, came.number)) ++changed;
    } catch (const PeerGone&) {
      const auto status = consumer.child.wait(kLong);
      ASSERT_TRUE(status);
      EXPECT_EQ(status->signal(), SIGKILL) << "a block changed under a consumer's eyes: " << status->str();
      consumer = Consumer(StartMethod::kForkServer);
    }
  }
  EXPECT_EQ(changed, 0u);
  const auto counts = SharedHeap::instance().counts();
  std::cout << sent << " blocks sent, memory " << (counts.own_bytes >> 10) << " KiB in " << counts.own_segments
            << " segments\n";
}

}  // namespace
}  // namespace millrace
