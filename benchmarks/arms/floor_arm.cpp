// The floor under scenario c of benchmarks/compare: one thread fills a recycled 154 MB buffer with floats and then sums
// it as 64-bit words, the very work of the worker and of the trainer there. A pipeline of two processes cannot be
// faster than the slower half, whatever carries the bytes.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <torch/headeronly/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "millrace/benchmarks/arms/measure.h"

using millrace::benchmarks::seconds_since;
using Clock = std::chrono::steady_clock;

namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

int main(int argc, char** argv) {
  double window_s = 5;
  CLI::App app{"Time to fill and to read 256 x 3 x 224 x 224 floats inside one process"};
  app.add_option("--window", window_s, "seconds to measure");
  CLI11_PARSE(app, argc, argv);

  at::set_num_threads(1);
  const auto batch = at::empty({256, 3, 224, 224}, at::kFloat);
  const auto words = batch.view(-1).view(at::kLong);
  float* const begin = batch.mutable_data_ptr<float>();
  std::vector<double> fill_s, read_s;
  int64_t total = 0;
  auto fill_and_read = [&, index = 0]() mutable {
    const auto start = Clock::now();
    std::fill(begin, begin + batch.numel(), static_cast<float>(index++ % 97));
    fill_s.push_back(seconds_since(start));
    const auto filled = Clock::now();
    total += words.sum().item<int64_t>();
    read_s.push_back(seconds_since(filled));
  };
  for (int warm = 0; warm < 6; ++warm) fill_and_read();
  fill_s.clear(), read_s.clear();
  for (const auto start = Clock::now(); seconds_since(start) < window_s;) fill_and_read();

  const double fill_ms = 1e3 * median(fill_s), read_ms = 1e3 * median(read_s);
  std::cout
      << nlohmann::json{{"versions", std::string("LibTorch ") + TORCH_VERSION},
                        {"metrics",
                         {{"ms_per_batch", std::max(fill_ms, read_ms)}, {"fill_ms", fill_ms}, {"read_ms", read_ms}}},
                        {"check", {{"sum_of_words", total}}}}
      << '\n';
}
