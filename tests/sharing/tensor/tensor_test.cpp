// The cases of PyTorch's test_multiprocessing (CPU part) that have a C++ meaning, and what Millrace promises beyond.

#include <ATen/ops/_nested_tensor_from_tensor_list.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/quantize_per_tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>

#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/memory/shared_heap.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/tensor/share_memory.h"
#include "millrace/sharing/tensor/strategy.h"
#include "millrace/sharing/tensor/tensor_codec.h"
#include "millrace/sharing/tensor/tensor_view.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace {
namespace {

namespace mp = multiprocessing;
using test::kLong;
using testing::HasSubstr;
using Tensors = std::vector<at::Tensor>;
using TensorQueue = mp::Queue<at::Tensor>;
using TensorsQueue = mp::Queue<Tensors>;

template <class T>
T round_trip(const T& value) {
  Encoded message = encode(value);
  DecodeArchive archive(message.bytes, message.fds);
  T decoded;
  archive(decoded);
  return decoded;
}

template <class T>
std::string refusal(const T& value) {
  try {
    encode(value);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}

bool same_storage(const at::Tensor& a, const at::Tensor& b) {
  return a.storage().unsafeGetStorageImpl() == b.storage().unsafeGetStorageImpl();
}

void expect_ended_well(mp::Process& process) {
  ASSERT_TRUE(process.join(kLong));
  EXPECT_EQ(process.exitcode(), 0);
}

// Sends everything back, up to an empty message.
void echo(TensorsQueue& in, TensorsQueue& out) {
  for (Tensors tensors = in.get(kLong); !tensors.empty(); tensors = in.get(kLong)) {
    out.put(tensors);
  }
}

class TensorSharing : public testing::TestWithParam<std::tuple<StartMethod, mp::SharingStrategy>> {
 protected:
  void SetUp() override { mp::set_sharing_strategy(strategy()); }
  void TearDown() override { mp::set_sharing_strategy(mp::SharingStrategy::kFileDescriptor); }

  static StartMethod method() { return std::get<0>(GetParam()); }
  static mp::SharingStrategy strategy() { return std::get<1>(GetParam()); }

  template <class F, class... Arguments>
  static mp::Process started(F target, Arguments&&... arguments) {
    mp::Process process(method(), target, std::forward<Arguments>(arguments)...);
    process.start();
    return process;
  }
};
INSTANTIATE_TEST_SUITE_P(Every, TensorSharing,
                         testing::Combine(test::every_start_method(),
                                          testing::ValuesIn(mp::get_all_sharing_strategies())),
                         [](const auto& tested) {
                           return std::string(to_string(std::get<0>(tested.param))) + "_" +
                                  mp::to_string(std::get<1>(tested.param));
                         });

// ---- test_fd_sharing, test_fs_sharing

TEST(TensorView, KeepsItsOwnerUntilTheLastTensorOfItsStorageDies) {
  auto owner = std::make_shared<std::vector<int64_t>>(6, 7);
  const std::weak_ptr<std::vector<int64_t>> memory = owner;
  at::Tensor tensor = tensor_view(owner->data(), {2, 3}, c10::kLong, c10::kCPU, owner);
  owner.reset();
  ASSERT_FALSE(memory.expired());
  EXPECT_EQ(tensor.sizes(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(tensor.const_data_ptr(), memory.lock()->data());
  at::Tensor row = tensor[1];
  tensor.reset();
  ASSERT_FALSE(memory.expired());
  EXPECT_EQ(row.sum().item<int64_t>(), 21);
  row.reset();
  EXPECT_TRUE(memory.expired());
}

TEST(TensorView, WithoutAnOwnerLeavesTheMemoryAlone) {
  std::vector<float> memory = {1, 2};
  tensor_view(memory.data(), {2}, c10::kFloat, c10::kCPU, nullptr).fill_(5);
  EXPECT_EQ(memory, (std::vector<float>{5, 5}));
}

TEST_P(TensorSharing, SenderAndReceiverSeeEachOthersWrites) {
  TensorQueue queue, back;
  const at::Tensor x = at::zeros({5, 5});
  auto process = started(
      +[](TensorQueue& in, TensorQueue& out) {
        at::Tensor tensor = in.get(kLong);
        tensor.add_(1);
        out.put(tensor);
        if (in.get(kLong)[0].item<float>() == 2) tensor.add_(2);
      },
      std::ref(queue), std::ref(back));
  EXPECT_FALSE(is_shared(x));
  queue.put(x);
  EXPECT_TRUE(is_shared(x));
  EXPECT_TRUE(same_storage(back.get(kLong), x)) << "it comes home as what it was";
  EXPECT_TRUE(x.equal(at::ones({5, 5})));
  x.add_(1);
  queue.put(x.select(0, 0));
  expect_ended_well(process);
  EXPECT_TRUE(x.equal(at::full({5, 5}, 4.)));
}

TEST_P(TensorSharing, WhatAChildMadeAndSentArrives) {
  TensorQueue queue;
  auto process =
      started(+[](TensorQueue& out) { out.put(at::arange(6, at::kDouble).reshape({2, 3})); }, std::ref(queue));
  const at::Tensor got = queue.get(kLong);
  EXPECT_TRUE(is_shared(got));
  EXPECT_TRUE(got.equal(at::arange(6, at::kDouble).reshape({2, 3})));
  expect_ended_well(process);
  EXPECT_TRUE(got.equal(at::arange(6, at::kDouble).reshape({2, 3})));
}

// ---- test_fd_preserve_sharing, test_fs_preserve_sharing

TEST_P(TensorSharing, TensorsOfOneStorageStayAliasedWithinAMessageAndAcrossMessages) {
  TensorsQueue queue;
  mp::Queue<std::string> verdict;
  const at::Tensor x = at::arange(25, at::kLong).reshape({5, 5});
  auto process = started(
      +[](TensorsQueue& in, mp::Queue<std::string>& out) {
        const Tensors first = in.get(kLong);
        const Tensors second = in.get(kLong);
        std::string wrong;
        for (const at::Tensor& t : first) wrong += same_storage(t, first[0]) ? "" : "first message is split; ";
        for (const at::Tensor& t : second) wrong += same_storage(t, first[0]) ? "" : "second message is split; ";
        first[0].fill_(-1);
        for (const at::Tensor& t : second) wrong += t.eq(-1).all().item<bool>() ? "" : "a view has other bytes; ";
        out.put(wrong);
      },
      std::ref(queue), std::ref(verdict));
  queue.put({x, x[2], x.select(1, 1)});
  queue.put({x.t(), x.slice(0, 1, 5, 2)});
  EXPECT_EQ(verdict.get(kLong), "");
  EXPECT_TRUE(x.eq(-1).all().item<bool>());
  expect_ended_well(process);
}

TEST_P(TensorSharing, ViewsKeepOffsetSizesAndStrides) {
  TensorsQueue there, back;
  auto process = started(echo, std::ref(there), std::ref(back));
  const at::Tensor x = at::arange(60, at::kFloat).reshape({3, 4, 5});
  const Tensors views = {x,
                         x.transpose(0, 2).select(1, 1),
                         x.permute({2, 0, 1}),
                         x.slice(2, 1, 5, 2),
                         x[1][2],
                         x[2][3][4],
                         x.select(1, 3).unsqueeze(0).expand({7, 3, 5})};
  there.put(views);
  const Tensors got = back.get(kLong);
  ASSERT_EQ(got.size(), views.size());
  for (size_t i = 0; i < views.size(); ++i) {
    EXPECT_EQ(got[i].sizes(), views[i].sizes()) << i;
    EXPECT_EQ(got[i].strides(), views[i].strides()) << i;
    EXPECT_EQ(got[i].storage_offset(), views[i].storage_offset()) << i;
    EXPECT_TRUE(got[i].equal(views[i])) << i;
  }
  there.put({});
  expect_ended_well(process);
}

TEST_P(TensorSharing, EveryDtypeArrives) {
  TensorsQueue there, back;
  auto process = started(echo, std::ref(there), std::ref(back));
  Tensors sent;
  for (const auto dtype : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kFloat, at::kDouble,
                           at::kComplexHalf, at::kComplexFloat, at::kComplexDouble, at::kBool, at::kBFloat16,
                           at::kFloat8_e5m2, at::kFloat8_e4m3fn, at::kUInt16, at::kUInt32, at::kUInt64})
    sent.push_back(at::arange(8, at::kFloat).to(dtype));
  there.put(sent);
  const Tensors got = back.get(kLong);
  ASSERT_EQ(got.size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(got[i].scalar_type(), sent[i].scalar_type());
    EXPECT_EQ(std::memcmp(got[i].const_data_ptr(), sent[i].const_data_ptr(), sent[i].nbytes()), 0) << sent[i].dtype();
  }
  there.put({});
  expect_ended_well(process);
}

// ---- test_fd_pool, test_fs_pool

TEST_P(TensorSharing, SeveralProcessesFillOneTensorAndReturnTheirOwn) {
  TensorsQueue there;
  TensorQueue back;
  const at::Tensor buffer = at::zeros({4, 2});
  constexpr auto fill = +[](TensorsQueue& in, TensorQueue& out) {
    const Tensors work = in.get(kLong);
    const auto row = work[1].item<int64_t>();
    work[0][row].fill_(row + 1);
    out.put(at::full({2}, double(row)));
  };
  std::vector<mp::Process> processes;
  for (int64_t i = 0; i < 4; ++i) {
    processes.push_back(started(fill, std::ref(there), std::ref(back)));
    there.put({buffer, at::full({}, i, at::kLong)});
  }
  double sum = 0;
  for (int i = 0; i < 4; ++i) sum += back.get(kLong)[0].item<double>();
  for (auto& process : processes) expect_ended_well(process);
  EXPECT_EQ(sum, 0 + 1 + 2 + 3);
  EXPECT_TRUE(buffer.select(1, 0).equal(at::arange(1, 5, at::kFloat)));
}

// ---- #65418, and row B5

TEST_P(TensorSharing, ATensorArrivesThoughItsProviderHasExited) {
  TensorQueue queue;
  auto provider = started(
      +[](TensorQueue& q) {
        q.put(at::full({20, 20}, 20));
        q.put(at::full({10, 10}, 10));
      },
      std::ref(queue));
  expect_ended_well(provider);
  mp::Queue<int> sums;
  auto consumer = started(
      +[](TensorQueue& q, mp::Queue<int>& out) {
        out.put(q.get(kLong).sum().item<int>());
        out.put(q.get(kLong).sum().item<int>());
      },
      std::ref(queue), std::ref(sums));
  EXPECT_EQ(sums.get(kLong), 20 * 20 * 20);
  EXPECT_EQ(sums.get(kLong), 10 * 10 * 10);
  expect_ended_well(consumer);
}

TEST_P(TensorSharing, AReceivedTensorMayBeSentOnAndOutlivesBothSenders) {
  TensorQueue first, second;
  auto maker = started(+[](TensorQueue& out) { out.put(at::full({100}, 5)); }, std::ref(first));
  expect_ended_well(maker);
  auto middle = started(
      +[](TensorQueue& in, TensorQueue& out) { out.put(in.get(kLong).add_(1)); }, std::ref(first), std::ref(second));
  expect_ended_well(middle);
  EXPECT_EQ(second.get(kLong).sum().item<int>(), 600);
}

TEST_P(TensorSharing, ArgumentsOfAProcessAreShared) {
  const at::Tensor x = at::zeros({3});
  auto process = started(
      +[](at::Tensor tensor, std::map<std::string, at::Tensor> named) {
        tensor.add_(1);
        named.at("same").add_(1);
      },
      x, std::map<std::string, at::Tensor>{{"same", x}});
  expect_ended_well(process);
  EXPECT_TRUE(x.equal(at::full({3}, 2.)));
}

TEST_P(TensorSharing, APipeCarriesTensorsToo) {
  auto [ours, theirs] = mp::Pipe();
  auto process = started(
      +[](mp::Connection connection) { connection.send(connection.recv<at::Tensor>().mul(2)); }, std::move(theirs));
  ours.send(at::arange(4));
  EXPECT_TRUE(ours.recv<at::Tensor>().equal(at::arange(0, 8, 2)));
  expect_ended_well(process);
}

// ---- test_variable_sharing, test_leaf_variable_sharing, test_parameter_sharing

TEST_P(TensorSharing, ALeafKeepsRequiresGradAndItsGradientIsShared) {
  TensorsQueue there, back;
  auto process = started(
      +[](TensorsQueue& in, TensorsQueue& out) {
        const Tensors got = in.get(kLong);
        if (got[0].requires_grad() && got[0].is_leaf() && got[0].grad().defined()) got[0].grad().fill_(9);
        if (!got[1].requires_grad() && !got[1].grad().defined()) got[1].fill_(8);
        out.put(got);
      },
      std::ref(there), std::ref(back));
  const at::Tensor weight = at::ones({4}).requires_grad_(true);
  weight.mutable_grad() = at::zeros({4});
  const at::Tensor plain = at::zeros({4});
  there.put({weight, plain});
  const Tensors got = back.get(kLong);
  EXPECT_TRUE(got[0].requires_grad());
  EXPECT_TRUE(is_shared(weight.grad()));
  EXPECT_TRUE(weight.grad().equal(at::full({4}, 9.)));
  EXPECT_TRUE(plain.equal(at::full({4}, 8.)));
  EXPECT_TRUE(same_storage(got[0].grad(), weight.grad()));
  expect_ended_well(process);
}

// ---- test_empty_tensor_sharing, test_empty_shared

TEST_P(TensorSharing, EmptyAndUndefinedTensorsArriveAsSuch) {
  TensorsQueue there, back;
  auto process = started(echo, std::ref(there), std::ref(back));
  there.put({at::empty({0}), at::empty({0, 3}, at::kLong), at::Tensor()});
  const Tensors got = back.get(kLong);
  EXPECT_EQ(got.at(0).sizes(), (std::vector<int64_t>{0}));
  EXPECT_EQ(got.at(1).sizes(), (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(got.at(1).scalar_type(), at::kLong);
  EXPECT_TRUE(is_shared(got.at(0)));
  EXPECT_FALSE(got.at(2).defined());
  there.put({});
  expect_ended_well(process);
}

// ---- test_fs: nothing is left in /dev/shm, whoever is killed

uint64_t free_in_dev_shm() {
  struct statvfs room{};
  if (::statvfs("/dev/shm", &room) != 0) throw std::runtime_error("statvfs of /dev/shm failed");
  return room.f_bfree * room.f_frsize;
}

// Living processes of a process group.
std::vector<pid_t> members_of(pid_t group) {
  std::vector<pid_t> members;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto pid = static_cast<pid_t>(std::strtol(entry.path().filename().c_str(), nullptr, 10));
    if (pid > 0 && ::getpgid(pid) == group && !std::strchr("ZX", test::process_state(pid))) members.push_back(pid);
  }
  return members;
}

// The trainer, its fork server and all workers, by one signal: nobody is left who could clean up.
TEST_P(TensorSharing, KillingEveryProcessAtOnceLeavesNothingInDevShm) {
  constexpr uint64_t kLarge = 16 << 20;
  const auto names = test::shared_memory_names();
  const auto free_before = free_in_dev_shm();
  test::Program family({test::built("tests/sharing_tensor_family"), to_string(method()), mp::to_string(strategy())});
  ASSERT_EQ(family.line(), "all at work");
  EXPECT_EQ(test::shared_memory_names(), names) << "there are none while they work either";
  EXPECT_GE(members_of(family.pid()).size(), 4u);
  EXPECT_EQ(free_in_dev_shm() < free_before - kLarge / 2, strategy() == mp::SharingStrategy::kFileSystem)
      << "whether that is where the tensors are";

  ASSERT_EQ(::kill(-family.pid(), SIGKILL), 0);
  EXPECT_EQ(family.wait().signal(), SIGKILL);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (!members_of(family.pid()).empty() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_THAT(members_of(family.pid()), testing::IsEmpty()) << "alive 3 s later";
  EXPECT_EQ(test::shared_memory_names(), names);
  EXPECT_GT(free_in_dev_shm(), free_before - kLarge / 2) << "memory without a name is left";
}

// ---- one start method and strategy is enough for these

TEST(TensorCodec, ATensorComesBackToItsOwnProcessWithItsStorage) {
  const at::Tensor x = at::arange(10);
  const at::Tensor view = x.slice(0, 2, 8);
  const at::Tensor got = round_trip(view);
  EXPECT_TRUE(same_storage(got, x));
  EXPECT_TRUE(got.equal(view));
  EXPECT_EQ(got.data_ptr(), view.data_ptr());
}

TEST(TensorCodec, ATensorInAMessageOutlivesTheSendersOwn) {
  at::Tensor x = at::arange(1000);
  Encoded message = encode(x);
  x.reset();
  Tensors others;
  for (int64_t i = 0; i < 100; ++i) others.push_back(share_memory_(at::zeros({1000}, at::kLong)));
  DecodeArchive archive(message.bytes, message.fds);
  archive(x);
  EXPECT_TRUE(x.equal(at::arange(1000)));
}

TEST(TensorCodec, AStreamOfFreshTensorsUsesTheSameMemoryAgain) {
  round_trip(at::ones({40'000}));
  const auto before = SharedHeap::instance().counts();
  for (int i = 0; i < 1000; ++i) round_trip(at::full({40'000}, i));
  EXPECT_EQ(SharedHeap::instance().counts().own_bytes, before.own_bytes);
}

struct Sample {
  at::Tensor image;
  std::optional<at::Tensor> mask;
  std::map<std::string, at::Tensor> extra;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(image, mask, extra);
  }
};

TEST(TensorCodec, StructsAndContainersMayHoldTensors) {
  Sample sample{at::ones({2}), std::nullopt, {{"weight", at::zeros({1})}}};
  const Sample got = round_trip(sample);
  EXPECT_TRUE(same_storage(got.image, sample.image));
  EXPECT_FALSE(got.mask.has_value());
  EXPECT_TRUE(same_storage(got.extra.at("weight"), sample.extra.at("weight")));
}

// What the strategies are about in PyTorch, where file_descriptor costs one for each tensor. Here none does.
class DescriptorsOf : public testing::TestWithParam<mp::SharingStrategy> {
 protected:
  void SetUp() override { mp::set_sharing_strategy(GetParam()); }
  void TearDown() override { mp::set_sharing_strategy(mp::SharingStrategy::kFileDescriptor); }
};
INSTANTIATE_TEST_SUITE_P(Strategy, DescriptorsOf, testing::ValuesIn(mp::get_all_sharing_strategies()),
                         [](const auto& tested) { return std::string(mp::to_string(tested.param)); });

TEST_P(DescriptorsOf, AThousandTensorsOfAMessageAreFew) {
  Tensors tensors;
  for (int i = 0; i < 1000; ++i) tensors.push_back(at::full({10}, i));
  EXPECT_LT(encode(tensors).fds.size(), 5u);
  const Tensors got = round_trip(tensors);
  for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(same_storage(got[i], tensors[i]));
}

TEST(TensorCodec, ConjugateAndNegativeViewsStayViews) {
  const at::Tensor x = at::arange(4, at::kFloat).to(at::kComplexFloat);
  const at::Tensor got = round_trip(x.conj());
  EXPECT_TRUE(got.is_conj());
  EXPECT_TRUE(same_storage(got, x));
  const at::Tensor negative = round_trip(x._neg_view());
  EXPECT_TRUE(negative.is_neg());
  EXPECT_TRUE(negative.resolve_neg().equal(x.neg()));
}

TEST(TensorCodec, MemoryOfAnotherOwnerIsMovedAndGivenBack) {
  std::vector<float> numbers = {1, 2, 3};
  bool given_back = false;
  const at::Tensor x = at::from_blob(numbers.data(), {3}, [&](void*) { given_back = true; }, at::kFloat);
  share_memory_(x);
  EXPECT_TRUE(given_back);
  EXPECT_NE(x.data_ptr(), numbers.data());
  EXPECT_EQ(x[2].item<float>(), 3);
}

TEST(TensorCodec, OneTensorMaySentByManyThreadsAtOnce) {
  for (int round = 0; round < 50; ++round) {
    const at::Tensor x = at::arange(10'000);
    std::vector<at::Tensor> got(4);
    std::vector<std::thread> threads;
    for (auto& mine : got) threads.emplace_back([&] { mine = round_trip(x); });
    for (auto& thread : threads) thread.join();
    for (const auto& tensor : got) EXPECT_TRUE(same_storage(tensor, x));
  }
}

// ---- test_non_leaf_variable_sharing, test_autograd_errors, and what else cannot be sent

TEST(TensorCodec, RefusesTensorsWithHistoryInTheCaller) {
  const at::Tensor leaf = at::ones({2}).requires_grad_(true);
  const at::Tensor result = leaf.mul(2);
  EXPECT_THAT(refusal(result), HasSubstr("Cowardly refusing to serialize non-leaf tensor which requires_grad"));
  EXPECT_EQ(refusal(result.detach()), "accepted");
  TensorQueue queue;
  EXPECT_THROW(queue.put(result), std::invalid_argument);
  EXPECT_TRUE(queue.empty());
}

// A tensor whose device is a GPU, for machines that have none.
at::Tensor cuda_tensor_without_cuda() {
  c10::Storage storage(c10::Storage::use_byte_size_t(), 0, c10::DataPtr(nullptr, c10::Device(c10::kCUDA, 0)),
                       /*allocator=*/nullptr, /*resizable=*/false);
  return at::detail::make_tensor<at::TensorImpl>(std::move(storage), c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                                 caffe2::TypeMeta::Make<float>());
}

TEST(TensorCodec, PutRefusesInTheCallerAndSaysWhatToSendInstead) {
  TensorsQueue queue(1);
  const auto refusal_of_put = [&](const at::Tensor& tensor) -> std::string {
    try {
      queue.put({at::ones({2}), tensor}, std::chrono::seconds(0));
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal_of_put(at::ones({2, 2}).to_sparse()), HasSubstr("send its parts (indices and values)"));
  EXPECT_THAT(refusal_of_put(at::quantize_per_tensor(at::ones({2}), 0.1, 0, at::kQInt8)), HasSubstr("int_repr()"));
  EXPECT_THAT(refusal_of_put(at::_nested_tensor_from_tensor_list({at::ones({2}), at::ones({3})})),
              AllOf(HasSubstr("nested"), HasSubstr("send its parts")));
  const std::vector<at::Dimname> names = {at::Dimname::fromSymbol(at::Symbol::dimname("N"))};
  EXPECT_THAT(refusal_of_put(at::ones({2}, names)), HasSubstr("send tensor.rename(std::nullopt)"));
  EXPECT_THAT(refusal_of_put(at::empty({2}, at::TensorOptions(at::kMeta))), HasSubstr("neither on the CPU nor"));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(refusal_of_put(at::ones({2})), "accepted") << "none of them has taken the place";
}

TEST(TensorCodec, SaysWhyCudaTensorsDoNotTravelWithoutADriver) {
  ::setenv("MILLRACE_CUDA_DRIVER", "none", 1);
  try {
    encode(cuda_tensor_without_cuda());
    FAIL() << "accepted";
  } catch (const cuda::CudaUnavailable& e) {
    EXPECT_THAT(e.what(), HasSubstr("MILLRACE_CUDA_DRIVER is none"));
  }
}

TEST(TensorCodec, RefusesWhatHasNoDenseMemory) {
  EXPECT_THAT(refusal(at::ones({2, 2}).to_sparse()), HasSubstr("not strided"));
  EXPECT_THAT(refusal(at::ones({2, 2}).to_sparse_csr()), HasSubstr("not strided"));
  EXPECT_THAT(refusal(at::quantize_per_tensor(at::ones({2}), 0.1, 0, at::kQInt8)), HasSubstr("quantized"));
  EXPECT_THAT(refusal(at::empty({2}, at::TensorOptions(at::kMeta))), HasSubstr("neither on the CPU nor"));
  EXPECT_THROW(share_memory_(at::Tensor()), std::invalid_argument);
}

TEST(TensorCodec, RefusesMessagesWhoseSizesDoNotFitTheirBytes) {
  const at::Tensor x = at::arange(100, at::kLong);
  const Encoded good = encode(x);
  const auto decoded = [&](size_t byte, uint8_t value) {
    Encoded message = encode(x);
    message.bytes.at(byte) = std::byte{value};
    DecodeArchive archive(message.bytes, message.fds);
    at::Tensor tensor;
    archive(tensor);
    return tensor;
  };
  int refused = 0;
  for (size_t byte = 0; byte < good.bytes.size(); ++byte)
    for (const uint8_t value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      try {
        const at::Tensor tensor = decoded(byte, value);
        if (!tensor.defined()) continue;
        tensor.sum();  // Reads all of it: a sanitizer or SIGSEGV would object.
      } catch (const DecodeError&) {
        ++refused;
      } catch (const cereal::Exception&) {
        ++refused;
      }
    }
  EXPECT_GT(refused, 50);
}

// ---- test_is_shared, storage rules

TEST(ShareMemory, MovesTheStorageOnceAndAllViewsFollow) {
  const at::Tensor x = at::arange(6).reshape({2, 3});
  const at::Tensor view = x[1];
  EXPECT_FALSE(is_shared(view));
  share_memory_(view);
  EXPECT_TRUE(is_shared(x));
  const void* const address = x.data_ptr();
  share_memory_(x);
  EXPECT_EQ(x.data_ptr(), address);
  view.fill_(7);
  EXPECT_EQ(x.sum().item<int64_t>(), 0 + 1 + 2 + 3 * 7);
  EXPECT_FALSE(is_shared(x.clone()));
  EXPECT_FALSE(is_shared(at::Tensor()));
}

TEST(ShareMemory, SharedStoragesCannotBeResized) {
  const at::Tensor x = share_memory_(at::ones({2}));
  EXPECT_THROW(x.resize_({1000}), c10::Error);
  EXPECT_NO_THROW(x.resize_({1}));
  const at::Tensor got = round_trip(at::ones({2}));
  EXPECT_THROW(got.resize_({1000}), c10::Error);
}

TEST(ShareMemory, OfAnEmptyTensorMakesItShared) {
  const at::Tensor x = at::empty({0});
  share_memory_(x);
  EXPECT_TRUE(is_shared(x));
}

TEST(ShareMemory, OfAModuleSharesParametersBuffersAndGradients) {
  struct Module {
    at::Tensor weight = at::ones({3}).requires_grad_(true), bias = at::zeros({1}).requires_grad_(true),
               mean = at::zeros({3});
    Tensors parameters() const { return {weight, bias}; }
    Tensors buffers() const { return {mean}; }
  } module;
  module.weight.mutable_grad() = at::zeros({3});
  share_memory(module);
  EXPECT_TRUE(is_shared(module.weight));
  EXPECT_TRUE(is_shared(module.weight.grad()));
  EXPECT_TRUE(is_shared(module.bias));
  EXPECT_FALSE(module.bias.grad().defined());
  EXPECT_TRUE(is_shared(module.mean));
  EXPECT_TRUE(module.weight.is_leaf() && module.weight.requires_grad());
}

// ---- test_inherit_tensor

at::Tensor inherited;

TEST(ShareMemory, AForkedChildSharesWhatItInherited) {
  inherited = share_memory_(at::zeros({5, 5}));
  mp::Process process(StartMethod::kFork, +[] { inherited.add_(3); });
  process.start();
  expect_ended_well(process);
  EXPECT_TRUE(inherited.equal(at::full({5, 5}, 3.)));
  inherited.reset();
}

TEST(ShareMemory, AForkedChildMaySendOnWhatItInherited) {
  inherited = share_memory_(at::zeros({5}));
  TensorQueue queue;
  mp::Process process(StartMethod::kFork, +[](TensorQueue& out) { out.put(inherited); }, std::ref(queue));
  process.start();
  EXPECT_TRUE(same_storage(queue.get(kLong), inherited));
  expect_ended_well(process);
  inherited.reset();
}

TEST(SharingStrategy, HasPyTorchsNamesAndDefault) {
  EXPECT_EQ(mp::get_sharing_strategy(), mp::SharingStrategy::kFileDescriptor);
  std::vector<std::string> names;
  for (const auto strategy : mp::get_all_sharing_strategies()) names.emplace_back(mp::to_string(strategy));
  EXPECT_EQ(names, (std::vector<std::string>{"file_descriptor", "file_system"}));
}

// ---- limits of the machine

constexpr int kRetained = 10'000;

void limit_descriptors() {
  const rlimit limit{256, 256};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("setrlimit failed");
}

TEST_P(DescriptorsOf, TenThousandReceivedTensorsAreLessThan256) {
  TensorQueue queue(64);
  mp::Queue<int64_t> sums;
  mp::Process producer(
      +[](TensorQueue& out, int strategy) {
        limit_descriptors();
        mp::set_sharing_strategy(static_cast<mp::SharingStrategy>(strategy));
        Tensors kept;
        for (int64_t i = 0; i < kRetained; ++i) out.put(kept.emplace_back(at::full({1 + i % 2000}, i, at::kLong)));
      },
      std::ref(queue), static_cast<int>(GetParam()));
  mp::Process consumer(
      +[](TensorQueue& in, mp::Queue<int64_t>& out) {
        limit_descriptors();
        Tensors kept;
        for (int i = 0; i < kRetained; ++i) kept.push_back(in.get(kLong));
        int64_t sum = 0;
        for (const auto& tensor : kept) sum += tensor[-1].item<int64_t>();
        out.put(sum);
      },
      std::ref(queue), std::ref(sums));
  producer.start();
  consumer.start();
  EXPECT_EQ(sums.get(std::chrono::seconds(60)), int64_t{kRetained} * (kRetained - 1) / 2);
  expect_ended_well(producer);
  expect_ended_well(consumer);
}

// "ok", or why /dev/shm could not be made small.
std::string make_dev_shm_small() {
  if (::unshare(CLONE_NEWNS) != 0) return "no mount namespace may be made here";
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64m") != 0)
    return "no file system may be mounted here";
  return "ok";
}

TEST(TensorLimits, ATensorOfAGigabyteCrossesThoughDevShmHas64Megabytes) {
  constexpr int64_t kBytes = int64_t{1} << 30;
  TensorQueue queue;
  mp::Queue<std::string> said;
  mp::Process producer(
      +[](TensorQueue& out, mp::Queue<std::string>& say) {
        const std::string small = make_dev_shm_small();
        say.put(small);
        if (small != "ok") return;
        const at::Tensor large = at::empty({kBytes}, at::kByte);
        large[0] = 1;
        large[kBytes - 1] = 2;
        out.put(large);
        mp::set_sharing_strategy(mp::SharingStrategy::kFileSystem);
        try {
          share_memory_(at::zeros({100 << 20}, at::kByte));
          say.put("100 MiB found room in 64");
        } catch (const OutOfSharedMemory& e) {
          say.put(e.what());
        }
      },
      std::ref(queue), std::ref(said));
  producer.start();
  const std::string small = said.get(kLong);
  if (small != "ok") GTEST_SKIP() << small;
  const at::Tensor got = queue.get(kLong);
  EXPECT_EQ(got.numel(), kBytes);
  EXPECT_EQ(got[0].item<int>() + got[kBytes - 1].item<int>(), 3);
  EXPECT_THAT(said.get(kLong), HasSubstr("/dev/shm has only 64.0 MiB left"));
  expect_ended_well(producer);
}

}  // namespace
}  // namespace millrace
