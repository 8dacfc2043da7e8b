// The life of exported memory as pure state machines: a producer's ledger and those of three consumers, driven through
// random histories, against a model that knows who really has what.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "millrace/sharing/cuda/ipc/export_ledger.h"
#include "millrace/sharing/cuda/ipc/import_ledger.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::cuda {
namespace {

constexpr int kHistories = 100'000;
constexpr int kSteps = 60;
constexpr size_t kConsumers = 3;
constexpr int kMostMemories = 16;
constexpr std::chrono::seconds kGrace{2};

using Time = ExportLedger<int>::Time;

// An address is used again for another allocation; then it has another buffer id.
struct Key {
  int base;
  int buffer_id;
  auto operator<=>(const Key&) const = default;
};

// What is really so of one exported storage.
struct Memory {
  Key allocation;
  size_t bytes = 0;
  uint64_t id = 0;
  int owners = 0;  // Storages of the producer.
  int messages = 0;
  int holders = 0;  // Consumers that have the token.
  int opened = 0, closed = 0;
  Time work_until{};  // Of dead consumers.
  bool freed = false;
};

struct Hold {
  int memory;
  bool done = false;
};

// An open allocation of a living consumer, noted in the world as long as it is there.
class Mapping {
 public:
  Mapping(std::map<Key, int>& open, const Key& key) : open_(&open), key_(key) {
    EXPECT_EQ(++open[key], 1) << "opened twice";
  }
  Mapping(Mapping&& other) noexcept : open_(std::exchange(other.open_, nullptr)), key_(other.key_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(open_, other.open_);
    std::swap(key_, other.key_);
    return *this;
  }
  ~Mapping() {
    if (open_ && --(*open_)[key_] == 0) open_->erase(key_);
  }

 private:
  std::map<Key, int>* open_;
  Key key_;
};

struct Storage {
  uint64_t id;
  int references;
};

struct Consumer {
  std::map<Key, int> open;
  ImportLedger<Key, Mapping, Hold> ledger;
  std::map<int, Storage> storages;  // By memory.
  std::vector<int> closing;         // The memory of each hold that closes, in the ledger's order.
};

class World {
 public:
  explicit World(std::mt19937_64& random) : random_(random) {
    for (auto& consumer : consumers_) consumer = std::make_unique<Consumer>();
  }

  void run() {
    for (int step = 0; step < kSteps && !testing::Test::HasFailure(); ++step) {
      one_step();
      check_counts();
    }
    end();
  }

 private:
  size_t below(size_t limit) { return random_() % limit; }
  Memory& memory(int index) { return memories_[static_cast<size_t>(index)]; }

  auto use_of() {
    return [this](int index) {
      const Memory& memory = this->memory(index);
      if (memory.messages > 0 || memory.holders > 0) return ExportUse::kHeld;
      return memory.opened == memory.closed ? ExportUse::kGivenBack : ExportUse::kLost;
    };
  }

  std::optional<int> pick(bool (*wanted)(const Memory&)) {
    std::vector<int> candidates;
    for (size_t i = 0; i < memories_.size(); ++i)
      if (wanted(memories_[i])) candidates.push_back(static_cast<int>(i));
    if (candidates.empty()) return std::nullopt;
    return candidates[below(candidates.size())];
  }

  static bool is_owned(const Memory& memory) { return memory.owners > 0; }
  static bool is_on_its_way(const Memory& memory) { return memory.messages > 0; }

  void one_step() {
    now_ += std::chrono::milliseconds(below(700));
    Consumer& consumer = *consumers_[below(kConsumers)];
    switch (below(12)) {
      case 0:
      case 1:
        if (memories_.size() < kMostMemories) return send_new();
        return;
      case 2:
        if (const auto index = pick(is_owned)) ++memory(*index).messages;
        return;
      case 3:
        if (const auto index = pick(is_owned)) release(*index);
        return;
      case 4:
      case 5:
        if (const auto index = pick(is_on_its_way)) receive(consumer, *index);
        return;
      case 6:  // The message is dropped, or goes down with its queue.
        if (const auto index = pick(is_on_its_way)) --memory(*index).messages;
        return;
      case 7:
        if (const auto index = pick(is_on_its_way)) come_home(*index);
        return;
      case 8:
        if (!consumer.storages.empty()) ++memory(any_storage(consumer)).messages;  // Sent on.
        return;
      case 9:
        if (!consumer.storages.empty()) drop(consumer, any_storage(consumer));
        return;
      case 10:
        return work(consumer);
      case 11:
        if (below(4) == 0) return die(consumer);
        return collect();
    }
  }

  int any_storage(const Consumer& consumer) {
    return std::next(consumer.storages.begin(), static_cast<std::ptrdiff_t>(below(consumer.storages.size())))->first;
  }

  // A storage of a new allocation, or beside the others of one that is there.
  void send_new() {
    Memory memory;
    const auto beside = pick([](const Memory& m) { return !m.freed; });
    if (beside && below(2) == 0) {
      memory.allocation = this->memory(*beside).allocation;
    } else {
      memory.allocation = {free_base(), ++last_buffer_id_};
    }
    memory.bytes = 1 + below(1000);
    memory.owners = memory.messages = 1;
    const auto transport = below(2) == 0 ? Transport::kLegacyHandle : Transport::kDescriptors;
    memory.id = exports_.add(static_cast<int>(memories_.size()), memory.bytes, transport);
    transports_.push_back(transport);
    memories_.push_back(memory);
  }

  // The lowest address that no living allocation has, so that they are used again soon.
  int free_base() {
    for (int base = 0;; ++base)
      if (std::none_of(memories_.begin(), memories_.end(),
                       [&](const Memory& m) { return !m.freed && m.allocation.base == base; }))
        return base;
  }

  void release(int index) {
    --memory(index).owners;
    if (const auto payload = exports_.release(memory(index).id, use_of(), now_)) free(*payload);
  }

  void come_home(int index) {
    --memory(index).messages;
    ++memory(index).owners;
    exports_.add_owner(memory(index).id);
  }

  void collect() {
    for (const int index : exports_.collect(use_of(), now_)) free(index);
  }

  // The one thing that must never happen too early.
  void free(int index) {
    Memory& memory = this->memory(index);
    ASSERT_FALSE(memory.freed) << "freed twice";
    ASSERT_EQ(memory.owners, 0);
    ASSERT_EQ(memory.messages, 0) << "freed while a message has it";
    ASSERT_EQ(memory.holders, 0) << "freed while a consumer has it";
    ASSERT_GE(now_, memory.work_until) << "freed while a dead consumer's work may write it";
    memory.freed = true;
    const bool last = std::none_of(memories_.begin(), memories_.end(), [&](const Memory& other) {
      return !other.freed && other.allocation == memory.allocation;
    });
    if (!last) return;
    for (const auto& consumer : consumers_)
      ASSERT_FALSE(consumer->open.contains(memory.allocation)) << "its allocation is free, and open in a consumer";
  }

  void receive(Consumer& consumer, int index) {
    Memory& memory = this->memory(index);
    const auto known = consumer.storages.find(index);
    if (known != consumer.storages.end()) {
      ++known->second.references;
    } else {
      ASSERT_EQ(consumer.ledger.is_open(memory.allocation), consumer.open.contains(memory.allocation));
      ++memory.holders;
      ++memory.opened;
      const uint64_t id = consumer.ledger.add(memory.allocation, memory.bytes, {index},
                                              [&] { return Mapping(consumer.open, memory.allocation); });
      consumer.storages.emplace(index, Storage{id, 1});
    }
    --memory.messages;  // Last: there is no moment at which nobody has it.
  }

  void drop(Consumer& consumer, int index) {
    const auto storage = consumer.storages.find(index);
    if (--storage->second.references > 0) return;
    ASSERT_EQ(consumer.ledger.close(storage->second.id).memory, index);
    consumer.storages.erase(storage);
    consumer.closing.push_back(index);
  }

  // Some of the work ends that the consumer had on what it dropped.
  void work(Consumer& consumer) {
    for (auto& closed : consumer.ledger.collect([&](Hold& hold) { return hold.done = hold.done || below(2) == 0; })) {
      closed.mapping.reset();
      Memory& memory = this->memory(closed.hold.memory);
      --memory.holders;
      ++memory.closed;
      std::erase_if(consumer.closing, [&, erased = false](int index) mutable {
        return !erased && index == closed.hold.memory && (erased = true);
      });
    }
  }

  // The kernel takes its tokens, and what it had queued goes on for a while. Another one takes its place.
  void die(Consumer& consumer) {
    const Time work_until = now_ + std::chrono::milliseconds(below(2000));
    const auto lose = [&](int index) {
      --memory(index).holders;
      memory(index).work_until = std::max(memory(index).work_until, work_until);
    };
    for (const auto& [index, storage] : consumer.storages) lose(index);
    for (const int index : consumer.closing) lose(index);
    for (auto& place : consumers_)
      if (place.get() == &consumer) place = std::make_unique<Consumer>();
  }

  void check_counts() {
    Tally exported, parked;
    uint64_t freed = 0;
    for (const Memory& memory : memories_) {
      if (memory.freed)
        ++freed;
      else
        (memory.owners > 0 ? exported : parked).add(memory.bytes);
    }
    ASSERT_EQ(exports_.exported(), exported);
    ASSERT_EQ(exports_.parked(), parked);
    ASSERT_EQ(exports_.freed(), freed);
    for (const auto& consumer : consumers_) {
      Tally mapped, closing;
      for (const auto& [index, storage] : consumer->storages) mapped.add(memory(index).bytes);
      for (const int index : consumer->closing) closing.add(memory(index).bytes);
      ASSERT_EQ(consumer->ledger.mapped(), mapped);
      ASSERT_EQ(consumer->ledger.closing(), closing);
      ASSERT_EQ(consumer->ledger.open_allocations(), consumer->open.size());
    }
  }

  void end() {
    if (below(2) == 0) return drain();
    // Everybody lets go, in his own way; then nothing may be left.
    for (auto& consumer : consumers_) {
      if (below(2) == 0) {
        die(*consumer);
        continue;
      }
      while (!consumer->storages.empty()) drop(*consumer, any_storage(*consumer));
      for (int i = 0; i < 1000 && !consumer->closing.empty(); ++i) work(*consumer);
      ASSERT_TRUE(consumer->open.empty());
    }
    for (size_t i = 0; i < memories_.size(); ++i) {
      memories_[i].messages = 0;
      while (memories_[i].owners > 0) release(static_cast<int>(i));
    }
    collect();
    now_ += kGrace;
    collect();
    check_counts();
    ASSERT_EQ(exports_.exported().count + exports_.parked().count, 0u) << "kept for ever";
    ASSERT_EQ(exports_.freed(), memories_.size());
  }

  // The producer ends: it has to wait for exactly those that have what dies with it.
  void drain() {
    Tally at_stake;
    for (size_t i = 0; i < memories_.size(); ++i)
      if (memories_[i].messages + memories_[i].holders > 0 && transports_[i] == Transport::kLegacyHandle)
        at_stake.add(memories_[i].bytes);
    ASSERT_EQ(exports_.at_stake(use_of()), at_stake);
    ASSERT_EQ(exports_.clear().size(), memories_.size() - exports_.freed());
    ASSERT_EQ(exports_.exported(), Tally());
    ASSERT_FALSE(exports_.release(1, use_of(), now_)) << "nothing is left to be let go of";
  }

  std::mt19937_64& random_;
  Time now_{};
  ExportLedger<int> exports_{kGrace};
  std::vector<Memory> memories_;
  std::vector<Transport> transports_;
  std::array<std::unique_ptr<Consumer>, kConsumers> consumers_;
  int last_buffer_id_ = 0;
};

TEST(IpcLedgers, KeepWhatIsInUseAndFreeWhatIsNotInEveryHistory) {
  auto random = test::seeded_generator();
  for (int history = 0; history < kHistories && !HasFailure(); ++history) {
    SCOPED_TRACE("history " + std::to_string(history));
    World(random).run();
  }
}

TEST(IpcLedgers, WaitOutTheWorkOfTheDead) {
  ExportLedger<int> ledger(kGrace);
  const uint64_t id = ledger.add(7, 100, Transport::kLegacyHandle);
  ExportUse use = ExportUse::kHeld;
  const auto use_of = [&](int) { return use; };
  const Time start{};
  EXPECT_FALSE(ledger.release(id, use_of, start));
  EXPECT_EQ(ledger.parked(), (Tally{1, 100}));
  use = ExportUse::kLost;
  EXPECT_TRUE(ledger.collect(use_of, start).empty());
  EXPECT_TRUE(ledger.collect(use_of, start + kGrace - std::chrono::nanoseconds(1)).empty());
  EXPECT_EQ(ledger.collect(use_of, start + kGrace), std::vector<int>{7});
  EXPECT_EQ(ledger.parked(), Tally());
}

TEST(IpcLedgers, KnowWhatADeadProducersMemoryIsWorth) {
  EXPECT_EQ(import_state(Transport::kLegacyHandle, true), ImportState::kMapped);
  EXPECT_EQ(import_state(Transport::kDescriptors, true), ImportState::kMapped);
  EXPECT_EQ(import_state(Transport::kLegacyHandle, false), ImportState::kRevoked);
  EXPECT_EQ(import_state(Transport::kDescriptors, false), ImportState::kOrphaned);
}

TEST(IpcLedgers, ChangeNothingWhenAnAllocationCannotBeOpened) {
  ImportLedger<int, int, int> ledger;
  EXPECT_THROW(ledger.add(1, 10, 0, []() -> int { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_FALSE(ledger.is_open(1));
  EXPECT_EQ(ledger.mapped(), Tally());
}

}  // namespace
}  // namespace millrace::cuda
