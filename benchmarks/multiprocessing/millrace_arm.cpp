// Millrace in the scenarios of compare; python_arm.py does the same. Prints one JSON object: {"versions", "metrics",
// "check"}. Processes are started by the fork server, Millrace's default, unless the scenario is about another way; the
// program is linked to LibTorch, so every one of them has it.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>
#include <torch/headeronly/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ranges>
#include <string>
#include <tuple>
#include <vector>

#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/channel/simple_queue.h"
#include "millrace/sharing/pool/pool.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/tensor/share_memory.h"
#include "millrace/sharing/tensor/strategy.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace mp = millrace::multiprocessing;

namespace {

using Report = std::pair<nlohmann::json, nlohmann::json>;  // Metrics and check.

constexpr int64_t kSmallTensor = 150'528;
constexpr int64_t kBigTensor = 256 * 3 * 224 * 224;

// One clock for all processes.
double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median_us(std::vector<double> seconds) {
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return 1e6 * *middle;
}

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

Report start(mp::StartMethod method, int count) {
  std::vector<double> times;
  for (int i = -1; i < count; ++i) {  // The first one is a rehearsal.
    const double begin = now();
    mp::Process process(method, [] {});
    process.start();
    process.join();
    if (i >= 0) times.push_back(now() - begin);
    require(process.exitcode() == 0, "a process failed");
  }
  return {{{"us", median_us(times)}}, {{"processes", count}}};
}

constexpr int kFlood = 100'000;

template <class Queue>
void flood_producer(Queue& queue) {
  for (int i = 0; i < kFlood; ++i) queue.put(i);
}

template <class Queue>
Report flood() {
  Queue queue;
  mp::Process producer(&flood_producer<Queue>, std::ref(queue));
  producer.start();
  int64_t total = queue.get();
  const double begin = now();
  for (int i = 1; i < kFlood; ++i) total += queue.get();
  const double elapsed = now() - begin;
  producer.join();
  require(total == int64_t{kFlood} * (kFlood - 1) / 2, "the flood lost messages");
  return {{{"us", 1e6 * elapsed / (kFlood - 1)}}, {{"sum", total}}};
}

template <class T>
void echo(mp::Connection& connection) {
  for (;;) {
    const auto value = connection.recv<std::optional<T>>();
    if (!value) return;
    connection.send(value);
  }
}

template <class T>
Report pipe(const T& value, int count) {
  auto [ours, theirs] = mp::Pipe();
  mp::Process process(&echo<T>, std::ref(theirs));
  process.start();
  const std::optional<T> message = value;
  std::optional<T> back;
  std::vector<double> times;
  for (int i = -50; i < count; ++i) {
    const double begin = now();
    ours.send(message);
    back = ours.recv<std::optional<T>>();
    if (i >= 0) times.push_back(now() - begin);
  }
  require(back == message, "the echo is another");
  ours.send(std::optional<T>());
  process.join();
  return {{{"us", median_us(times)}}, {{"round_trips", count}}};
}

at::Tensor make_tensor(int64_t size) { return at::full({size}, 3, at::kByte); }
int64_t read_all(const at::Tensor& tensor) { return tensor.view(at::kLong).sum().item<int64_t>(); }
int64_t read_all(int value) { return value; }

// One value at a time: from put's begin to get's end, and on to the last byte read.
template <class T, class... Arguments>
Report latency(void (*feed)(mp::Queue<std::tuple<double, T>>&, mp::Connection&, int, Arguments...), int count,
               Arguments... arguments) {
  at::set_num_threads(1);
  mp::Queue<std::tuple<double, T>> queue;
  auto [ours, theirs] = mp::Pipe();
  mp::Process process(feed, std::ref(queue), std::ref(theirs), count, arguments...);
  process.start();
  std::vector<double> got, read;
  uint64_t total = 0;
  for (int i = 0; i < count; ++i) {
    {
      const auto [begin, value] = queue.get();
      const double at = now();
      total += static_cast<uint64_t>(read_all(value));
      const double end = now();
      got.push_back(at - begin);
      read.push_back(end - begin);
    }
    ours.send(1);
  }
  process.join();
  return {{{"us", median_us(got)}, {"read_us", median_us(read)}}, {{"sum", total % (uint64_t{1} << 62)}}};
}

void feed_int(mp::Queue<std::tuple<double, int>>& queue, mp::Connection& answer, int count) {
  for (int i = 0; i < count; ++i) {
    queue.put({now(), 7});
    answer.recv<int>();
  }
}

void feed_tensor(mp::Queue<std::tuple<double, at::Tensor>>& queue, mp::Connection& answer, int count, int64_t size,
                 bool shared, mp::SharingStrategy strategy) {
  at::set_num_threads(1);
  mp::set_sharing_strategy(strategy);
  auto value = make_tensor(size);
  if (shared) millrace::share_memory_(value);
  for (int i = 0; i < count; ++i) {
    if (!shared) value = make_tensor(size);
    queue.put({now(), value});
    answer.recv<int>();
  }
}

Report tensor(int64_t size, bool shared, mp::SharingStrategy strategy) {
  mp::set_sharing_strategy(strategy);  // Here too, or its files would not be taken.
  return latency<at::Tensor>(&feed_tensor, size == kBigTensor ? 60 : 1'000, size, shared, strategy);
}

int64_t square(int64_t x) { return x * x; }

Report pool_map(std::optional<size_t> chunksize) {
  constexpr int64_t kCalls = 10'000;
  mp::Pool pool(2);
  pool.map(square, std::views::iota(0, 100));
  std::vector<double> times;
  int64_t sum = 0;
  for (int i = 0; i < 5; ++i) {
    const double begin = now();
    const std::vector<int64_t> results = pool.map(square, std::views::iota(int64_t{0}, kCalls), chunksize);
    times.push_back(now() - begin);
    require(results.back() == square(kCalls - 1), "wrong results");
    sum = std::accumulate(results.begin(), results.end(), int64_t{0});
  }
  return {{{"us", median_us(times)}}, {{"sum", sum}}};
}

Report pool_apply() {
  constexpr int kCalls = 2'000;
  mp::Pool pool(2);
  pool.map(square, std::views::iota(0, 100));
  std::vector<double> times;
  for (int i = 0; i < kCalls; ++i) {
    const double begin = now();
    pool.apply(square, i);
    times.push_back(now() - begin);
  }
  return {{{"us", median_us(times)}}, {{"calls", kCalls}}};
}

Report pool_start() {
  constexpr int kPools = 10;
  std::vector<double> times;
  for (int i = 0; i < kPools; ++i) {
    const double begin = now();
    mp::Pool pool(2);
    pool.map(square, std::views::iota(0, 2), 1);
    times.push_back(now() - begin);
  }
  return {{{"us", median_us(times)}}, {{"pools", kPools}}};
}

std::map<std::string, std::function<Report()>> scenarios() {
  using mp::SharingStrategy;
  std::map<std::string, std::function<Report()>> all = {
      {"start-forkserver", [] { return start(mp::StartMethod::kForkServer, 100); }},
      {"start-fork", [] { return start(mp::StartMethod::kFork, 100); }},
      {"start-spawn", [] { return start(mp::StartMethod::kSpawn, 10); }},
      {"flood-queue", [] { return flood<mp::Queue<int>>(); }},
      {"flood-simplequeue", [] { return flood<mp::SimpleQueue<int>>(); }},
      {"pipe-int", [] { return pipe(7, 20'000); }},
      {"pipe-bytes", [] { return pipe(std::string(1 << 20, '\0'), 500); }},
      {"latency", [] { return latency<int>(&feed_int, 10'000); }},
      {"pool-map1", [] { return pool_map(1); }},
      {"pool-map", [] { return pool_map(std::nullopt); }},
      {"pool-apply", pool_apply},
      {"pool-start", pool_start},
  };
  for (const auto strategy : {SharingStrategy::kFileDescriptor, SharingStrategy::kFileSystem})
    for (const bool shared : {false, true})
      for (const auto& [name, size] : {std::pair("150k", kSmallTensor), std::pair("38m", kBigTensor)})
        all.emplace(std::string("tensor-") + name + (shared ? "-shared-" : "-fresh-") + to_string(strategy),
                    [=, bytes = size] { return tensor(bytes, shared, strategy); });
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  std::string scenario;
  CLI::App app{"Millrace's arm of benchmarks/multiprocessing/compare"};
  const auto known = scenarios();
  app.add_option("scenario", scenario)->required()->check(CLI::IsMember(known));
  CLI11_PARSE(app, argc, argv);
  const auto [metrics, check] = known.at(scenario)();
  std::cout << nlohmann::json{{"versions", std::string("LibTorch ") + TORCH_VERSION},
                              {"metrics", metrics},
                              {"check", check}}
            << '\n';
}
