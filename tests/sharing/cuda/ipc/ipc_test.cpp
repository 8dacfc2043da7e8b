// CUDA tensors between processes, on the fake driver.

#include "millrace/sharing/cuda/ipc/ipc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <optional>
#include <set>
#include <thread>
#include <tuple>

#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/fence.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/tensor/share_memory.h"
#include "millrace/sharing/tensor/tensor_codec.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"
#include "millrace/tests/sharing/cuda/device_tensors.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace::cuda {
namespace {

namespace mp = multiprocessing;
using fake_cuda::Setting;
using millrace::test::kLong;
using test::ExpandableSegment;
using test::first;
using test::full;
using test::holds;
using testing::HasSubstr;
using Tensors = std::vector<at::Tensor>;

template <class T>
T decode(Encoded& message) {
  DecodeArchive archive(message.bytes, message.fds);
  T decoded;
  archive(decoded);
  return decoded;
}

at::Tensor round_trip(const at::Tensor& tensor) {
  Encoded message = encode(tensor);
  return decode<at::Tensor>(message);
}

bool same_storage(const at::Tensor& a, const at::Tensor& b) {
  return a.storage().unsafeGetStorageImpl() == b.storage().unsafeGetStorageImpl();
}

// Asks until it is so; false when it has not become so in kLong.
bool eventually(const std::function<bool()>& is_so) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// What a consumer is told, and what it answers.
struct Order {
  enum Kind : uint8_t { kTake, kRead, kWrite, kDrop, kSendBack, kCount, kStop };

  Kind kind = kStop;
  Tensors tensors;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(kind, tensors);
  }
};
struct Answer {
  std::vector<float> numbers;
  Tensors tensors;
  std::string error;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers, tensors, error);
  }
};
using Orders = mp::Queue<Order>;
using Answers = mp::Queue<Answer>;

void consume(Orders& orders, Answers& answers) {
  fake_torch::install();
  fake_cuda::set("double_open_fails", 1);
  Tensors kept;
  for (;;) {
    Answer answer;
    try {
      Order order = orders.get();
      if (order.kind == Order::kStop) return;
      if (order.kind == Order::kTake) {
        for (auto& tensor : order.tensors) kept.push_back(std::move(tensor));
      } else if (order.kind == Order::kWrite) {
        for (const auto& tensor : kept) test::set_first(tensor, first(tensor) + 1);
      } else if (order.kind == Order::kDrop) {
        kept.clear();
        if (!eventually([] { return ipc_stats().closing == 0; })) answer.error = "closing for ever";
      } else if (order.kind == Order::kSendBack) {
        answer.tensors = kept;
      } else if (order.kind == Order::kCount) {
        const auto stats = ipc_stats();
        answer.numbers = {static_cast<float>(stats.received), static_cast<float>(stats.open_allocations),
                          static_cast<float>(fake_cuda::count("open_imports"))};
      }
      if (order.kind != Order::kCount)
        for (const auto& tensor : kept) answer.numbers.push_back(first(tensor));
    } catch (const std::exception& e) {
      answer.error = e.what();
    }
    answers.put(answer);
  }
}

// A process that takes tensors. Killed with the object.
class Consumer {
 public:
  explicit Consumer(StartMethod method = StartMethod::kForkServer)
      : process_(method, consume, std::ref(orders_), std::ref(answers_)) {
    process_.start();
  }
  ~Consumer() { kill(); }

  void order(Order::Kind kind, const Tensors& tensors = {}) { orders_.put({kind, tensors}); }
  Answer answer() { return answers_.get(kLong); }
  Answer ask(Order::Kind kind, const Tensors& tensors = {}) {
    order(kind, tensors);
    return answer();
  }
  std::vector<float> numbers(Order::Kind kind, const Tensors& tensors = {}) {
    const Answer answer = ask(kind, tensors);
    EXPECT_EQ(answer.error, "");
    return answer.numbers;
  }

  void kill() {
    process_.kill();
    process_.join();
  }
  mp::Process& process() { return process_; }
  Orders& orders() { return orders_; }

 private:
  Orders orders_;
  Answers answers_;
  mp::Process process_;
};

class CudaIpc : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override {
    fake_torch::install();
    // The memory of a parked storage goes a moment after it is counted no more.
    ASSERT_TRUE(eventually([] { return test::storages_in_use() == 0 && ipc_stats().closing == 0; }));
  }

  static at::Tensor make(int64_t count = 1000, float value = 3) { return full(GetParam(), count, value); }
  static size_t in_use() { return test::storages_in_use(); }
};
INSTANTIATE_TEST_SUITE_P(Both, CudaIpc, testing::Values(Transport::kLegacyHandle, Transport::kDescriptors),
                         [](const auto& tested) { return test::name_of(tested.param); });

// ---- In one process

TEST_P(CudaIpc, ATensorComesBackToItsProcessWithTheStorageItHad) {
  const at::Tensor tensor = make();
  const at::Tensor back = round_trip(tensor);
  EXPECT_TRUE(back.is_cuda());
  EXPECT_TRUE(same_storage(back, tensor));
  EXPECT_TRUE(is_shared(tensor));
  EXPECT_TRUE(same_storage(share_memory_(tensor), tensor));
  EXPECT_EQ(ipc_stats().exported, 1u);
  EXPECT_EQ(ipc_stats().exported_bytes, tensor.storage().nbytes());
}

TEST_P(CudaIpc, WhatItsProcessDroppedComesBackAsTheSameMemory) {
  at::Tensor tensor = make();
  const void* const address = tensor.data_ptr();
  Encoded message = encode(tensor);
  tensor.reset();
  EXPECT_EQ(ipc_stats().parked, 1u);
  EXPECT_EQ(in_use(), 1u);
  at::Tensor back = decode<at::Tensor>(message);
  EXPECT_EQ(back.data_ptr(), address);
  EXPECT_TRUE(holds(back, 3));
  EXPECT_EQ(ipc_stats().parked, 0u);
  EXPECT_EQ(ipc_stats().exported, 1u);
  EXPECT_TRUE(same_storage(round_trip(back), back));
  message = {};
  back.reset();
  EXPECT_EQ(in_use(), 0u) << "nobody else has it: it is free at once";
}

TEST_P(CudaIpc, MemoryIsFreeAgainWhenAMessageIsDroppedUnread) {
  at::Tensor tensor = make();
  {
    mp::Queue<at::Tensor> queue;
    queue.put(tensor);
    tensor.reset();
    EXPECT_EQ(in_use(), 1u);
    ipc_collect();
    EXPECT_EQ(in_use(), 1u);
  }
  ipc_collect();
  EXPECT_EQ(in_use(), 0u);
}

TEST_P(CudaIpc, AProcessThatDoesNothingElseFreesWhatIsParked) {
  at::Tensor tensor = make();
  std::optional<Encoded> message = encode(tensor);
  tensor.reset();
  message.reset();
  EXPECT_TRUE(eventually([&] { return in_use() == 0; }));
}

TEST_P(CudaIpc, AnEmptyTensorTravels) {
  const at::Tensor empty = fake_torch::empty({0, 4}, at::kHalf);
  const at::Tensor back = round_trip(empty);
  EXPECT_TRUE(back.is_cuda());
  EXPECT_EQ(back.sizes(), empty.sizes());
  EXPECT_EQ(back.scalar_type(), at::kHalf);
}

TEST_P(CudaIpc, ViewsGradientsAndFlagsTravel) {
  at::Tensor tensor = make(24);
  tensor.set_requires_grad(true);
  tensor.mutable_grad() = make(24, 5);
  Encoded message = encode(tensor, tensor.detach().view({4, 6}).select(1, 2));
  DecodeArchive archive(message.bytes, message.fds);
  at::Tensor whole, column;
  archive(whole, column);
  EXPECT_TRUE(whole.requires_grad());
  ASSERT_TRUE(whole.grad().defined());
  EXPECT_TRUE(same_storage(whole.grad(), tensor.grad()));
  EXPECT_FALSE(column.requires_grad());
  EXPECT_EQ(column.strides(), at::IntArrayRef({6}));
  EXPECT_EQ(column.storage_offset(), 2);
  EXPECT_TRUE(same_storage(column, tensor));
}

TEST(CudaIpcRefusal, NamesWhatToDoForMemoryThatCannotBeOpenedElsewhere) {
  const at::Tensor tensor = full(Transport::kLegacyHandle, 10, 1);
  const Setting none("legacy_ipc", 0);
  try {
    encode(tensor);
    FAIL() << "sent";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("cuda:0"), HasSubstr("tensor.cpu()")));
  }
  EXPECT_TRUE(holds(tensor, 1)) << "and it is unharmed";
}

TEST(CudaIpcRefusal, ComesWhileAGraphIsCaptured) {
  const at::Tensor tensor = full(Transport::kLegacyHandle, 10, 1);
  const OwnedStream stream(0);
  const fake_torch::CurrentStream current(0, stream.get());
  fake_cuda::capture(stream.get(), true);
  EXPECT_THROW(encode(tensor), std::logic_error);
  fake_cuda::capture(stream.get(), false);
  EXPECT_EQ(fake_cuda::count("invalidated_captures"), 0);
  EXPECT_NO_THROW(encode(tensor));
}

TEST(CudaIpcOrder, WorkOnTheCurrentStreamIsDoneWhenATensorIsSent) {
  const at::Tensor tensor = full(Transport::kLegacyHandle, 4, 1);
  const OwnedStream stream(0);
  const fake_torch::CurrentStream current(0, stream.get());
  const at::Tensor source = full(Transport::kLegacyHandle, 4, 2);
  const Setting slow("copy_delay_us", 50'000);
  {
    const CurrentContext context(0);
    MILLRACE_CUDA(memcpy_dtod_async, reinterpret_cast<api::DevicePtr>(tensor.data_ptr()),
                  reinterpret_cast<api::DevicePtr>(source.data_ptr()), 4 * sizeof(float), stream.get());
  }
  Encoded message = encode(tensor);
  EXPECT_TRUE(holds(tensor, 2));
}

// ---- Between processes

// Of a process that has not used CUDA, so that it may be forked.
void exchange_between_children(StartMethod method, Transport transport) {
  mp::Queue<Tensors> queue;
  mp::Queue<int> done;
  mp::Process producer(
      method,
      +[](Transport kind, mp::Queue<Tensors>& out, mp::Queue<int>& consumed) {
        const at::Tensor tensor = full(kind, 600, 4);
        out.put({tensor, tensor.narrow(0, 100, 50)});
        consumed.get(kLong);
        if (first(tensor) != 9) throw std::runtime_error("the consumer's write did not arrive");
      },
      transport, std::ref(queue), std::ref(done));
  mp::Process consumer(
      method,
      +[](mp::Queue<Tensors>& in, mp::Queue<int>& consumed) {
        const Tensors tensors = in.get(kLong);
        if (!same_storage(tensors.at(0), tensors.at(1))) throw std::runtime_error("they do not alias");
        if (!holds(tensors[0], 4)) throw std::runtime_error("wrong bytes");
        if (tensors[0].storage().resizable()) throw std::runtime_error("it can be resized");
        if (!is_producer_alive(tensors[0])) throw std::runtime_error("its producer should live");
        test::set_first(tensors[0], 9);
        consumed.put(1);
      },
      std::ref(queue), std::ref(done));
  producer.start();
  consumer.start();
  producer.join();
  consumer.join();
  if (producer.exitcode() != 0 || consumer.exitcode() != 0) throw std::runtime_error("a child failed");
}

class CudaIpcStart : public testing::TestWithParam<std::tuple<StartMethod, Transport>> {};
INSTANTIATE_TEST_SUITE_P(Every, CudaIpcStart,
                         testing::Combine(millrace::test::every_start_method(),
                                          testing::Values(Transport::kLegacyHandle, Transport::kDescriptors)),
                         [](const auto& tested) {
                           return std::string(to_string(std::get<0>(tested.param))) +
                                  test::name_of(std::get<1>(tested.param));
                         });

TEST_P(CudaIpcStart, ProcessesShareMemory) {
  const auto [method, transport] = GetParam();
  mp::Process parent(StartMethod::kForkServer, exchange_between_children, method, transport);
  parent.start();
  ASSERT_TRUE(parent.join(kLong));
  EXPECT_EQ(parent.exitcode(), 0);
}

TEST_P(CudaIpc, ManyTensorsOfAMessageAliasAtTheConsumerAsTheyDoHere) {
  Consumer consumer;
  const at::Tensor a = make(600, 1), b = make(600, 2);
  EXPECT_EQ(consumer.numbers(Order::kTake, {a, a.narrow(0, 5, 10), b, a}), (std::vector<float>{1, 1, 2, 1}));
  EXPECT_EQ(consumer.numbers(Order::kTake, {b}), (std::vector<float>{1, 1, 2, 1, 2}));
  const auto counts = consumer.numbers(Order::kCount);
  EXPECT_EQ(counts.at(0), 2) << "storages, across messages";
  const Answer back = consumer.ask(Order::kSendBack);
  ASSERT_EQ(back.error, "");
  EXPECT_TRUE(same_storage(back.tensors.at(0), a));
  EXPECT_TRUE(same_storage(back.tensors.at(2), b));
  consumer.numbers(Order::kWrite);
  EXPECT_EQ(first(b), 4) << "added to twice, through two tensors";
}

TEST(CudaIpcSubAllocation, StoragesOfOneBlockAreOneImport) {
  Consumer consumer;
  Tensors slices;
  for (int i = 0; i < 20; ++i) slices.push_back(full(Transport::kLegacyHandle, 1000, static_cast<float>(i)));
  const auto numbers = consumer.numbers(Order::kTake, slices);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(numbers.at(static_cast<size_t>(i)), i);
  const auto counts = consumer.numbers(Order::kCount);
  EXPECT_EQ(counts.at(0), 20);
  EXPECT_LE(counts.at(1), 2);
  EXPECT_EQ(counts.at(2), counts.at(1));
  consumer.numbers(Order::kDrop);
  EXPECT_EQ(consumer.numbers(Order::kCount), (std::vector<float>{0, 0, 0}));
}

TEST(CudaIpcSubAllocation, AStorageMayLieAcrossSeveralPiecesOfAnExpandableSegment) {
  Consumer consumer;
  constexpr size_t kPiece = ExpandableSegment::kPieceBytes;
  const ExpandableSegment segment(4);
  const auto count = static_cast<int64_t>(2 * kPiece / sizeof(float));
  const at::Tensor across = segment.tensor(kPiece / 2, count);
  const at::Tensor last = segment.tensor(3 * kPiece + 512, 100);
  std::fill_n(across.data_ptr<float>(), count, 6.0f);
  std::fill_n(last.data_ptr<float>(), 100, 7.0f);
  const at::Tensor end = across.narrow(0, count - 1, 1);
  EXPECT_EQ(consumer.numbers(Order::kTake, {across, end, last}), (std::vector<float>{6, 6, 7}));
  EXPECT_EQ(consumer.numbers(Order::kCount).at(1), 2);
}

TEST(CudaIpcSubAllocation, AnAddressUsedAgainIsAnotherAllocation) {
  Consumer consumer;
  std::set<const void*> addresses;
  size_t repeated = 0;
  for (int i = 0; i < 10; ++i) {
    at::Tensor tensor = full(Transport::kLegacyHandle, 700'000, static_cast<float>(i));  // A block of its own.
    if (!addresses.insert(tensor.data_ptr()).second) ++repeated;
    ASSERT_EQ(consumer.numbers(Order::kTake, {tensor}), (std::vector<float>{static_cast<float>(i)}));
    consumer.numbers(Order::kDrop);
    tensor.reset();
    ASSERT_TRUE(eventually([] { return ipc_stats().parked == 0; }));
    fake_torch::empty_cache();
  }
  EXPECT_GT(repeated, 0u) << "else this tests nothing";
}

TEST_P(CudaIpc, AReceivedTensorIsSentOnAndItsProducerStaysItsOwner) {
  Consumer one, two;
  at::Tensor tensor = make(100, 8);
  ASSERT_EQ(one.numbers(Order::kTake, {tensor}), std::vector<float>{8});
  mp::Process middle(
      StartMethod::kForkServer, +[](Orders& orders, Tensors tensors) { orders.put({Order::kTake, tensors}); },
      std::ref(two.orders()), Tensors{tensor});
  middle.start();
  ASSERT_TRUE(middle.join(kLong));
  EXPECT_EQ(middle.exitcode(), 0);
  EXPECT_EQ(two.answer().numbers, std::vector<float>{8});
  tensor.reset();
  one.numbers(Order::kDrop);
  ipc_collect();
  EXPECT_EQ(in_use(), 1u) << "the third one has it";
  EXPECT_EQ(two.numbers(Order::kRead), std::vector<float>{8});
  two.numbers(Order::kDrop);
  EXPECT_TRUE(eventually([&] { return in_use() == 0; }));
}

TEST_P(CudaIpc, TravelsThroughPipes) {
  auto [ours, theirs] = mp::Pipe();
  mp::Process echo(
      StartMethod::kForkServer,
      +[](mp::Connection connection) {
        connection.send(connection.recv<at::Tensor>());
        connection.recv<int>();
      },
      std::move(theirs));
  echo.start();
  const at::Tensor tensor = make();
  ours.send(tensor);
  EXPECT_TRUE(same_storage(ours.recv<at::Tensor>(), tensor));
  ours.send(1);
  ASSERT_TRUE(echo.join(kLong));
  EXPECT_EQ(echo.exitcode(), 0);
}

// ---- Who keeps what

TEST_P(CudaIpc, MemoryIsParkedWhileAConsumerHasItAndFreeOnceItHasDroppedIt) {
  Consumer consumer;
  at::Tensor tensor = make();
  consumer.numbers(Order::kTake, {tensor});
  const size_t bytes = tensor.storage().nbytes();
  tensor.reset();
  EXPECT_EQ(ipc_stats().parked, 1u);
  EXPECT_EQ(ipc_stats().parked_bytes, bytes);
  EXPECT_EQ(in_use(), 1u);
  EXPECT_EQ(consumer.numbers(Order::kRead), std::vector<float>{3});
  consumer.numbers(Order::kDrop);
  ipc_collect();
  EXPECT_EQ(in_use(), 0u) << "given back in order: no grace period";
  EXPECT_EQ(ipc_stats().parked, 0u);
}

TEST_P(CudaIpc, MemoryOfAConsumerThatWasKilledIsFreedAfterItsWorkMayBeOver) {
  Consumer consumer;
  at::Tensor tensor = make();
  consumer.numbers(Order::kTake, {tensor});
  tensor.reset();
  consumer.kill();
  ipc_collect();
  EXPECT_EQ(in_use(), 1u) << "what the dead one had queued may still run";
  EXPECT_TRUE(eventually([&] { return in_use() == 0; }));
}

TEST_P(CudaIpc, MemoryIsFreeAtOnceWhenAConsumerDiesThatNeverOpenedIt) {
  at::Tensor tensor = make();
  {
    Consumer consumer;
    consumer.process().kill();
    ASSERT_TRUE(consumer.process().join(kLong));
    consumer.order(Order::kTake, {tensor});
    tensor.reset();
    EXPECT_EQ(in_use(), 1u);
  }
  ipc_collect();
  EXPECT_EQ(in_use(), 0u);
}

TEST_P(CudaIpc, AConsumersPendingWorkKeepsTheMemory) {
  mp::Queue<at::Tensor> queue;
  mp::Queue<std::string> steps;
  mp::Process consumer(
      StartMethod::kForkServer,
      +[](mp::Queue<at::Tensor>& in, mp::Queue<std::string>& out) {
        fake_torch::install();
        const OwnedStream stream(0);
        const fake_torch::CurrentStream current(0, stream.get());
        const at::Tensor target = full(Transport::kLegacyHandle, 10, 0);
        const Setting slow("copy_delay_us", 300'000);
        at::Tensor received = in.get(kLong);
        {
          const CurrentContext context(0);
          MILLRACE_CUDA(memcpy_dtod_async, reinterpret_cast<api::DevicePtr>(target.data_ptr()),
                        reinterpret_cast<api::DevicePtr>(received.data_ptr()), 10 * sizeof(float), stream.get());
        }
        received.reset();
        out.put(ipc_stats().closing == 1 ? "dropped" : "closed too early");
        if (!eventually([] { return ipc_stats().closing == 0; })) throw std::runtime_error("closing for ever");
        out.put(holds(target, 3) ? "copied" : "copied garbage");
      },
      std::ref(queue), std::ref(steps));
  consumer.start();
  at::Tensor tensor = make(10);
  queue.put(tensor);
  tensor.reset();
  EXPECT_EQ(steps.get(kLong), "dropped");
  EXPECT_EQ(steps.get(kLong), "copied");
  EXPECT_TRUE(eventually([&] { return in_use() == 0; }));
  ASSERT_TRUE(consumer.join(kLong));
}

TEST_P(CudaIpc, AForkedChildNeitherKeepsNorFreesWhatItsParentSent) {
  Consumer consumer;
  at::Tensor tensor = make();
  consumer.numbers(Order::kTake, {tensor});
  auto [ours, theirs] = mp::Pipe();
  mp::Process child(StartMethod::kFork, +[](mp::Connection connection) { connection.recv<int>(); }, std::move(theirs));
  child.start();
  tensor.reset();
  consumer.numbers(Order::kDrop);
  EXPECT_TRUE(eventually([&] { return in_use() == 0; })) << "though the child lives";
  ours.send(1);
  ASSERT_TRUE(child.join(kLong));
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(CudaIpc, AForkedChildIsToldThatItCannotSendWhatItInherited) {
  const at::Tensor tensor = make();
  const Encoded message = encode(tensor);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      encode(tensor);
    } catch (const CudaUnavailable& e) {
      ::_exit(std::string(e.what()).find("StartMethod::kForkServer") != std::string::npos ? 0 : 2);
    }
    ::_exit(1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_P(CudaIpc, ThreadsMaySendReceiveAndDropTheSameTensors) {
  constexpr int kThreads = 4;
  std::atomic<int> wrong = 0;
  {
    Tensors tensors;
    for (int i = 0; i < 4; ++i) tensors.push_back(make(100, static_cast<float>(i)));
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 300; ++i) {
          const auto which = static_cast<size_t>(i + t) % tensors.size();
          if (!holds(round_trip(tensors[which]), static_cast<float>(which))) ++wrong;
          at::Tensor own = make(10, 7);
          Encoded message = encode(own);
          own.reset();
          if (!holds(decode<at::Tensor>(message), 7)) ++wrong;
        }
      });
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(eventually([&] { return in_use() == 0; }));
}

// ---- A producer that dies

// Sends a tensor, and then does what it is told: nothing, or to return.
void produce(Transport transport, mp::Queue<at::Tensor>& out, mp::Queue<int>& told, int drain_ms) {
  set_ipc_drain_timeout(std::chrono::milliseconds(drain_ms));
  at::Tensor tensor = full(transport, 1000, 5);
  out.put(tensor);
  out.put(full(transport, 1000, 6));
  tensor.reset();
  told.get();
}

class CudaIpcDeath : public testing::TestWithParam<std::tuple<Transport, int>> {
 protected:
  void SetUp() override { fake_torch::install(); }

  Transport transport() const { return std::get<0>(GetParam()); }

  mp::Queue<at::Tensor> queue_;
  mp::Queue<int> told_;
  mp::Process producer_{StartMethod::kForkServer, produce,         std::get<0>(GetParam()),
                        std::ref(queue_),         std::ref(told_), 10'000};
  Setting death_{"exporter_death", std::get<1>(GetParam())};
};
std::string death_name(const testing::TestParamInfo<std::tuple<Transport, int>>& tested) {
  constexpr const char* kOutcomes[] = {"BytesSurvive", "BytesPoisoned", "CannotBeOpened"};
  return test::name_of(std::get<0>(tested.param)) + kOutcomes[std::get<1>(tested.param)];
}
INSTANTIATE_TEST_SUITE_P(Every, CudaIpcDeath,
                         testing::Combine(testing::Values(Transport::kLegacyHandle, Transport::kDescriptors),
                                          testing::Values(0, 1, 2)),
                         death_name);

TEST_P(CudaIpcDeath, ATensorNotReceivedYetIsGoodOrAnErrorThatNamesTheProducer) {
  producer_.start();
  ASSERT_TRUE(eventually([&] { return queue_.qsize() == 2; }));
  const pid_t pid = producer_.pid().value();
  producer_.kill();
  ASSERT_TRUE(producer_.join(kLong));
  for (const float value : {5.0f, 6.0f}) {
    if (transport() == Transport::kDescriptors) {
      EXPECT_TRUE(holds(queue_.get(kLong), value));
      continue;
    }
    try {
      queue_.get(kLong);
      ADD_FAILURE() << "received";
    } catch (const CudaProducerDied& e) {
      EXPECT_EQ(e.pid(), pid);
      EXPECT_THAT(e.what(), HasSubstr("process " + std::to_string(pid)));
    }
  }
  EXPECT_TRUE(eventually([] { return ipc_stats().closing == 0; }));
  EXPECT_EQ(ipc_stats().open_allocations, 0u);
  EXPECT_EQ(fake_cuda::count("open_imports"), 0);
}

TEST_P(CudaIpcDeath, ATensorThatWasReceivedTellsThatItsProducerDiedAndIsNotSentOn) {
  producer_.start();
  const at::Tensor tensor = queue_.get(kLong);
  EXPECT_TRUE(holds(tensor, 5));
  EXPECT_TRUE(is_producer_alive(tensor));
  ASSERT_TRUE(eventually([&] { return queue_.qsize() == 1; }));
  producer_.kill();
  ASSERT_TRUE(producer_.join(kLong));
  EXPECT_FALSE(is_producer_alive(tensor));
  if (transport() == Transport::kDescriptors) {
    EXPECT_TRUE(holds(tensor, 5));
    EXPECT_NO_THROW(encode(tensor));
    EXPECT_TRUE(holds(queue_.get(kLong), 6));
  } else {
    EXPECT_THROW(encode(tensor), CudaProducerDied);
    EXPECT_THROW(queue_.get(kLong), CudaProducerDied);
  }
}

TEST_P(CudaIpcDeath, AProducerThatReturnsWaitsForWhoHasWhatDiesWithIt) {
  producer_.start();
  at::Tensor five = queue_.get(kLong), six = queue_.get(kLong);
  told_.put(1);
  if (transport() == Transport::kDescriptors) {
    ASSERT_TRUE(producer_.join(kLong));
    EXPECT_TRUE(holds(five, 5));
    EXPECT_TRUE(holds(six, 6));
    return;
  }
  EXPECT_FALSE(producer_.join(std::chrono::milliseconds(200)));
  EXPECT_TRUE(holds(five, 5));
  EXPECT_TRUE(holds(six, 6));
  five.reset();
  six.reset();
  ASSERT_TRUE(producer_.join(kLong));
  EXPECT_EQ(producer_.exitcode(), 0);
}

TEST(CudaIpcDrain, EndsWithAWarningThatCountsWhatIsStillInUse) {
  mp::Queue<at::Tensor> queue;
  mp::Queue<int> told;
  const millrace::test::OutputFile errors;
  mp::Process producer(
      StartMethod::kForkServer,
      +[](mp::Queue<at::Tensor>& out, mp::Queue<int>& in, OwnedFd standard_error) {
        ::dup2(standard_error.get(), STDERR_FILENO);
        produce(Transport::kLegacyHandle, out, in, 100);
      },
      std::ref(queue), std::ref(told), OwnedFd(::dup(errors.fd())));
  producer.start();
  const at::Tensor tensor = queue.get(kLong);
  told.put(1);
  ASSERT_TRUE(producer.join(kLong));
  EXPECT_EQ(producer.exitcode(), 0);
  EXPECT_THAT(errors.text(), HasSubstr("Producer process has been terminated before all shared CUDA tensors released"));
  EXPECT_THAT(errors.text(), HasSubstr("2 storages, 8000 bytes")) << "one is here, one in the queue";
  EXPECT_FALSE(is_producer_alive(tensor));
}

TEST(CudaIpcDrain, SaysNothingWhenNobodyHasAnything) {
  const millrace::test::OutputFile errors;
  mp::Process producer(
      StartMethod::kForkServer,
      +[](OwnedFd standard_error) {
        ::dup2(standard_error.get(), STDERR_FILENO);
        const at::Tensor tensor = full(Transport::kLegacyHandle, 10, 1);
        round_trip(tensor);
        std::exit(0);
      },
      OwnedFd(::dup(errors.fd())));
  producer.start();
  ASSERT_TRUE(producer.join(kLong));
  EXPECT_EQ(producer.exitcode(), 0);
  EXPECT_EQ(errors.text(), "");
}

TEST(CudaIpcDescriptors, NoneIsLeftWhenAllIsDropped) {
  Consumer consumer;
  consumer.numbers(Order::kTake, {full(Transport::kLegacyHandle, 10, 1), full(Transport::kDescriptors, 10, 1)});
  consumer.numbers(Order::kDrop);
  ASSERT_TRUE(eventually([] { return ipc_stats().parked == 0; }));
  const auto before = millrace::test::open_descriptors(*consumer.process().pid()).size();
  const auto here_before = millrace::test::open_descriptors().size();
  for (int i = 0; i < 30; ++i) {
    consumer.numbers(Order::kTake, {full(Transport::kLegacyHandle, 10, 1), full(Transport::kDescriptors, 10, 1)});
    consumer.numbers(Order::kDrop);
  }
  EXPECT_EQ(millrace::test::open_descriptors(*consumer.process().pid()).size(), before);
  ASSERT_TRUE(eventually([] { return ipc_stats().parked == 0; }));
  EXPECT_LE(millrace::test::open_descriptors().size(), here_before + 2) << "which may be of this moment";
}

}  // namespace
}  // namespace millrace::cuda
