// Processes killed at random moments while CUDA tensors go back and forth, on the fake driver: 100 kills for each of
// two roles, two kinds of memory and three things that may become of a dead producer's memory; `make soak` repeats
// that. What must hold: nobody hangs, no consumer reads wrong bytes of a producer that lives, nor of memory that
// outlives its producer, and in the end no memory and no import is left.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <iostream>
#include <thread>
#include <tuple>

#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/cuda/ipc/ipc.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/tensor/tensor_codec.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"
#include "millrace/tests/sharing/cuda/device_tensors.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::cuda {
namespace {

namespace mp = multiprocessing;
using fake_cuda::Setting;
using millrace::test::kLong;

// Tensors whose every element is the message's number.
struct Message {
  float number = 0;
  std::vector<at::Tensor> tensors;

  static Message make(Transport transport, std::mt19937_64& random, float number) {
    Message message{number, {}};
    for (size_t count = 1 + random() % 3; count > 0; --count)
      message.tensors.push_back(test::full(transport, 1 + static_cast<int64_t>(random() % 2000), number));
    return message;
  }

  bool is_right() const {
    return std::all_of(tensors.begin(), tensors.end(), [&](const auto& t) { return test::holds(t, number); });
  }
  bool is_producer_alive() const { return cuda::is_producer_alive(tensors.front()); }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(number, tensors);
  }
};
using Messages = mp::Queue<Message>;

struct Victim {
  Child child;

  template <class... Arguments>
  explicit Victim(ChildEntry entry, const Arguments&... arguments) {
    const auto encoded = encode(arguments...);
    child = start_child(StartMethod::kForkServer, {entry, encoded.bytes, encoded.fd_numbers(), "victim"});
  }

  // It was at work until now: whatever else ended it was a wrong byte, or a fault.
  void kill() {
    child.kill(SIGKILL);
    const auto status = child.wait(kLong);
    ASSERT_TRUE(status);
    ASSERT_EQ(status->signal(), SIGKILL) << status->str();
  }
};

void spend_up_to(std::chrono::microseconds longest, std::mt19937_64& random) {
  std::this_thread::sleep_for(std::chrono::microseconds(random() % static_cast<uint64_t>(longest.count())));
}

bool eventually(bool (*is_so)()) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool nothing_waits() {
  ipc_collect();
  const auto stats = ipc_stats();
  return stats.parked == 0 && stats.closing == 0;
}

class CudaIpcKill : public testing::TestWithParam<std::tuple<Transport, int>> {
 protected:
  void SetUp() override { fake_torch::install(); }

  static Transport transport() { return std::get<0>(GetParam()); }
  static int death() { return std::get<1>(GetParam()); }

  Setting memory_{"memory_bytes", 1LL << 40};
  Setting double_open_{"double_open_fails", 1};
  std::mt19937_64 random_ = millrace::test::seeded_generator();
  const int kills_ = millrace::test::kills_wanted(500);
  millrace::test::Watchdog watchdog_{"a test that kills users of CUDA tensors", std::chrono::seconds(120)};
};
std::string name_of(const testing::TestParamInfo<std::tuple<Transport, int>>& tested) {
  constexpr const char* kOutcomes[] = {"BytesSurvive", "BytesPoisoned", "CannotBeOpened"};
  return test::name_of(std::get<0>(tested.param)) + kOutcomes[std::get<1>(tested.param)];
}
INSTANTIATE_TEST_SUITE_P(Every, CudaIpcKill,
                         testing::Combine(testing::Values(Transport::kLegacyHandle, Transport::kDescriptors),
                                          testing::Values(0, 1, 2)),
                         name_of);

// Keeps some messages for a while, sends some on to itself, and ends with code 3 when one is not what it was.
int consume(std::span<const std::byte> bytes, std::vector<OwnedFd> fds) {
  Messages messages;
  int death = 0;
  {
    DecodeArchive archive(bytes, fds);
    archive(messages, death);
  }
  fake_torch::install();
  fake_cuda::set("exporter_death", death);
  fake_cuda::set("double_open_fails", 1);
  std::mt19937_64 random(static_cast<uint64_t>(::getpid()));
  std::deque<Message> kept;
  for (;;) {
    kept.push_back(messages.get());
    for (const auto& message : kept)
      if (!message.is_right()) return 3;
    if (random() % 4 == 0) {
      Encoded copy = encode(kept.front());
      DecodeArchive archive(copy.bytes, copy.fds);
      archive(kept.emplace_back());
    }
    while (kept.size() > random() % 6) kept.pop_front();
  }
}

TEST_P(CudaIpcKill, ConsumersAndAllMemoryComesBack) {
  constexpr size_t kConsumers = 2;
  const size_t in_use_before = test::storages_in_use();
  {
    Messages messages(8);
    std::vector<Victim> consumers;
    for (size_t i = 0; i < kConsumers; ++i) consumers.emplace_back(consume, messages, death());
    std::deque<Message> kept;
    float number = 0;
    size_t taken = 0;
    for (int kills = 0; kills < kills_ && !HasFailure();) {
      try {
        kept.push_back(Message::make(transport(), random_, ++number));
        messages.put(kept.back(), std::chrono::milliseconds(2));
        ++taken;
      } catch (const mp::Full&) {
      }
      while (kept.size() > random_() % 4) kept.pop_front();
      if (random_() % 4 != 0) continue;
      spend_up_to(std::chrono::microseconds(2000), random_);
      Victim& victim = consumers[random_() % kConsumers];
      victim.kill();
      victim = Victim(consume, messages, death());
      ++kills;
    }
    for (auto& consumer : consumers) consumer.kill();
    taken -= messages.qsize();
    EXPECT_GT(taken, static_cast<size_t>(kills_));
    std::cout << taken << " messages taken\n";
  }
  ASSERT_TRUE(eventually(nothing_waits));
  EXPECT_EQ(ipc_stats().exported, 0u);
  EXPECT_EQ(test::storages_in_use(), in_use_before);
  fake_torch::empty_cache();
  EXPECT_EQ(fake_cuda::count("device_bytes"), 0);
}

int produce(std::span<const std::byte> bytes, std::vector<OwnedFd> fds) {
  Messages messages;
  Transport transport{};
  {
    DecodeArchive archive(bytes, fds);
    archive(messages, transport);
  }
  std::mt19937_64 random(static_cast<uint64_t>(::getpid()));
  std::deque<Message> kept;
  for (float number = 1;; ++number) {
    kept.push_back(Message::make(transport, random, number));
    messages.put(kept.back());
    while (kept.size() > random() % 4) kept.pop_front();
  }
}

TEST_P(CudaIpcKill, ProducersAndNobodyReadsWrongBytesUnawares) {
  constexpr size_t kProducers = 2;
  const Setting death("exporter_death", CudaIpcKill::death());
  size_t right = 0, known_garbage = 0, refused = 0;
  {
    Messages messages(4);
    std::vector<Victim> producers;
    for (size_t i = 0; i < kProducers; ++i) producers.emplace_back(produce, messages, transport());
    std::deque<Message> kept;
    const auto look = [&](const Message& message) {
      if (message.is_right()) {
        ++right;
        return;
      }
      EXPECT_EQ(transport(), Transport::kLegacyHandle) << "the bytes should outlive their producer";
      EXPECT_FALSE(message.is_producer_alive()) << "wrong bytes, and its producer lives";
      ++known_garbage;
    };
    const auto receive = [&] {
      try {
        kept.push_back(messages.get(std::chrono::milliseconds(1)));
      } catch (const mp::Empty&) {
      } catch (const CudaProducerDied&) {
        EXPECT_EQ(transport(), Transport::kLegacyHandle);
        ++refused;
      }
    };
    for (int kills = 0; kills < kills_ && !HasFailure();) {
      receive();
      for (const auto& message : kept) look(message);
      while (kept.size() > random_() % 6) kept.pop_front();
      if (random_() % 3 != 0) continue;
      spend_up_to(std::chrono::microseconds(4000), random_);
      Victim& victim = producers[random_() % kProducers];
      victim.kill();
      victim = Victim(produce, messages, transport());
      ++kills;
    }
    for (auto& producer : producers) producer.kill();
  }
  EXPECT_GT(right, 0u);
  EXPECT_EQ(refused > 0, transport() == Transport::kLegacyHandle);
  std::cout << right << " looks at right bytes, " << known_garbage << " at bytes known to be garbage, " << refused
            << " messages refused\n";
  ASSERT_TRUE(eventually(nothing_waits));
  const auto stats = ipc_stats();
  EXPECT_EQ(stats.received, 0u);
  EXPECT_EQ(stats.open_allocations, 0u);
  EXPECT_EQ(fake_cuda::count("open_imports"), 0);
  EXPECT_EQ(fake_cuda::count("mapped_handles"), 0);
}

}  // namespace
}  // namespace millrace::cuda
