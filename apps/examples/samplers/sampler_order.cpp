#include <iostream>

#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"

template <millrace::Sampler S>
void print(const char* name, S sampler, int64_t epoch) {
  std::cout << name << ", epoch " << epoch << ':';
  sampler.set_epoch(epoch);
  for (int i = 0; i < 8; ++i)
    if (const auto index = sampler.next()) std::cout << ' ' << *index;
  std::cout << '\n';
}

int main() {
  const millrace::RandomSampler random(8, {.seed = 1});
  print("random", random, 0);
  print("random", random, 1);
  print("with replacement", millrace::RandomSampler(8, {.replacement = true, .seed = 1}), 0);
  print("weighted", millrace::WeightedRandomSampler({1, 1, 6, 1}, /*num_samples=*/6), 0);
  print("a billion", millrace::KeyedPermutationSampler(1'000'000'000, /*seed=*/1), 0);
}
