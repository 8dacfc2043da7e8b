// What an index of a shuffled epoch costs: a permutation in memory, as PyTorch's, beside one that is computed.

#include <benchmark/benchmark.h>

#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/random_sampler.h"

namespace millrace {
namespace {

// To the first index of an epoch of n, which draws the whole permutation where there is one.
template <class S>
void first_index(benchmark::State& state) {
  S sampler(state.range(0));
  int64_t epoch = 0;
  for (auto _ : state) {
    sampler.set_epoch(++epoch);
    benchmark::DoNotOptimize(sampler.next());
  }
}

// Every index of an epoch of n, the drawing included.
template <class S>
void whole_epoch(benchmark::State& state) {
  S sampler(state.range(0));
  int64_t epoch = 0;
  for (auto _ : state) {
    sampler.set_epoch(++epoch);
    while (const auto index = sampler.next()) benchmark::DoNotOptimize(*index);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(first_index<RandomSampler>)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(first_index<KeyedPermutationSampler>)
    ->Arg(1'000'000)
    ->Arg(10'000'000)
    ->Arg(1'000'000'000)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(whole_epoch<RandomSampler>)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(whole_epoch<KeyedPermutationSampler>)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace

BENCHMARK_MAIN();
