// SeedMode::kTorch beside Python's torch: the same batches bit for bit, drawn by whole loaders with the same arguments.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/worker_info.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

using Numbers = std::vector<int64_t>;
using test::Lists;

void manual_seed(uint64_t seed) {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed);
}

struct Draws {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  Example get(size_t /*i*/, SampleContext& context) const {
    // One after the other, as Python evaluates them.
    const at::Tensor normal = at::randn({20}, context.generator());
    return {normal, at::rand({2}, context.generator(), at::kDouble)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

void draw_once(const WorkerInfo&) { at::rand({1}); }

template <class T>
void append(Numbers& numbers, const at::Tensor& tensor) {
  const auto* values = static_cast<const T*>(tensor.const_data_ptr());
  numbers.insert(numbers.end(), values, values + tensor.numel());
}

Numbers numbers_of(const Batch& batch) {
  Numbers numbers = batch.indices();
  append<int32_t>(numbers, batch.data());
  append<int64_t>(numbers, batch.target());
  return numbers;
}

struct Arguments {
  bool own_generator = false;
  uint64_t seed = 0;
  int64_t epochs = 0;
  int64_t n = 0;
  int64_t batch_size = 1;
  bool shuffle = false;
  bool drop_last = false;
  int64_t num_workers = 0;
  bool persistent = false;
  bool init = false;

  std::string question() const {
    std::string text = own_generator ? "loader generator" : "loader global";
    for (const uint64_t number : {seed, static_cast<uint64_t>(epochs), static_cast<uint64_t>(n),
                                  static_cast<uint64_t>(batch_size), uint64_t{shuffle}, uint64_t{drop_last},
                                  static_cast<uint64_t>(num_workers), uint64_t{persistent}, uint64_t{init}})
      text += " " + std::to_string(number);
    return text;
  }
};

Arguments drawn(std::mt19937_64& random) {
  const auto integer = [&](int64_t low, int64_t high) { return std::uniform_int_distribution(low, high)(random); };
  Arguments drawn;
  drawn.own_generator = integer(0, 1) == 1;
  drawn.seed = static_cast<uint64_t>(integer(0, 1'000'000'000'000));
  drawn.epochs = integer(1, 3);
  drawn.n = integer(1, 40);
  drawn.batch_size = integer(1, 9);
  drawn.shuffle = integer(0, 2) > 0;
  drawn.drop_last = integer(0, 1) == 1;
  drawn.num_workers = integer(0, 3);
  drawn.persistent = drawn.num_workers > 0 && integer(0, 1) == 1;
  drawn.init = integer(0, 1) == 1;
  return drawn;
}

Lists ours(const Arguments& arguments, StartMethod method) {
  at::Generator generator;
  if (arguments.own_generator) generator = at::make_generator<at::CPUGeneratorImpl>(arguments.seed);
  manual_seed(arguments.seed + (arguments.own_generator ? 1 : 0));
  auto loader = make_data_loader(Draws{arguments.n}, DataLoaderOptions(arguments.batch_size)
                                                         .shuffle(arguments.shuffle)
                                                         .drop_last(arguments.drop_last)
                                                         .num_workers(arguments.num_workers)
                                                         .start_method(method)
                                                         .persistent_workers(arguments.persistent)
                                                         .seed_mode(SeedMode::kTorch)
                                                         .generator(generator)
                                                         .worker_init_fn(arguments.init ? &draw_once : nullptr));
  Lists lists;
  for (int64_t epoch = 0; epoch < arguments.epochs; ++epoch)
    for (auto& batch : *loader) lists.push_back(numbers_of(batch));
  lists.push_back({at::empty({}, at::kLong).random_().item<int64_t>()});
  if (generator.defined()) lists.push_back({at::empty({}, at::kLong).random_(generator).item<int64_t>()});
  return lists;
}

std::optional<std::vector<std::string>> ask(const std::vector<std::string>& questions) {
  return test::ask_python("conformance/pytorch_loaders.py", questions);
}

constexpr const char* kNoTorch = " cannot import torch; set MILLRACE_PYTHON to a Python that can, to compare";

TEST(TorchSeeds, GiveTheBatchesOfTheInstalledPyTorchBitForBit) {
  const test::Watchdog watchdog("forty PyTorch loaders", std::chrono::seconds(300));
  auto random = test::seeded_generator();
  std::vector<Arguments> cases;
  std::vector<std::string> questions;
  for (int i = 0; i < 40; ++i) {
    cases.push_back(drawn(random));
    questions.push_back(cases.back().question());
  }
  const auto answers = ask(questions);
  if (!answers) GTEST_SKIP() << test::python() << kNoTorch;
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto method = i % 4 == 0 ? StartMethod::kFork : StartMethod::kForkServer;
    EXPECT_EQ(ours(cases[i], method), test::detail::lists_of((*answers)[i + 1]))
        << questions[i] << " by " << to_string(method) << "\n  torch " << answers->front();
  }
}

// What torch 2.11.0 printed, for machines without Python.
TEST(TorchSeeds, GiveNumPyTheWordsThatPyTorchGivesIt) {
  EXPECT_EQ(detail::numpy_state(1234567890123, 3),
            (std::array<uint32_t, 4>{911343142, 720453872, 3335628216, 1002736992}));
  WorkerInfo info;
  info.id = 3;
  info.seed = 1234567890123 + 3;
  EXPECT_EQ(info.numpy_seed(), detail::numpy_state(1234567890123, 3));
}

TEST(TorchSeeds, GiveNumPyTheWordsOfTheInstalledPyTorch) {
  auto random = test::seeded_generator();
  struct Case {
    uint64_t base_seed;
    uint64_t worker;
  };
  std::vector<Case> cases;
  std::vector<std::string> questions;
  for (int i = 0; i < 100; ++i) {
    cases.push_back({random() >> (1 + random() % 63), random() % 1000});
    questions.push_back("worker_seed " + std::to_string(cases[i].base_seed) + " " + std::to_string(cases[i].worker));
  }
  const auto answers = ask(questions);
  if (!answers) GTEST_SKIP() << test::python() << kNoTorch;
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto words = detail::numpy_state(cases[i].base_seed, cases[i].worker);
    EXPECT_EQ(Numbers(words.begin(), words.end()), test::detail::lists_of((*answers)[i + 1])[0]) << questions[i];
  }
}

// The golden numbers of the semantics' first epoch: DataLoader(range(10), 4, shuffle=True) after torch.manual_seed(0),
// by torch 2.11.0.
TEST(TorchSeeds, ShuffleAsPyTorchDoesFromTheGlobalGenerator) {
  manual_seed(0);
  auto loader =
      make_data_loader(Draws{10}, DataLoaderOptions(4).shuffle(true).seed_mode(SeedMode::kTorch).num_workers(2));
  std::vector<Numbers> batches;
  for (auto& batch : *loader) batches.push_back(batch.indices());
  EXPECT_EQ(batches, (std::vector<Numbers>{{6, 7, 1, 4}, {2, 0, 9, 8}, {3, 5}}));
}

TEST(TorchSeeds, HaveNoStateToResumeFromAndSayWhatToUse) {
  auto loader = make_data_loader(Draws{10}, DataLoaderOptions(4).seed_mode(SeedMode::kTorch));
  try {
    loader->state_dict();
    FAIL() << "no error";
  } catch (const std::logic_error& e) {
    EXPECT_NE(std::string(e.what()).find("Use SeedMode::kPerSample"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace millrace
