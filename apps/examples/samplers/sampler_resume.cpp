#include <iostream>

#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/random_sampler.h"

template <millrace::SamplerOfBatches S>
void print_rest(S& sampler) {
  for (std::vector<int64_t> batch; sampler.next(batch);) {
    std::cout << " [";
    for (const int64_t index : batch) std::cout << ' ' << index;
    std::cout << " ]";
  }
  std::cout << '\n';
}

int main() {
  millrace::BatchSampler sampler(millrace::RandomSampler(10, {.seed = 1}), /*batch_size=*/4, /*drop_last=*/false);
  sampler.set_epoch(3);
  std::vector<int64_t> batch;
  sampler.next(batch);
  const millrace::SamplerState state = sampler.state();
  std::cout << "stopped at " << to_string(state) << ", left:";
  print_rest(sampler);

  millrace::BatchSampler resumed(millrace::RandomSampler(10, {.seed = 1}), 4, false);
  resumed.load_state(state);
  std::cout << "resumed:";
  print_rest(resumed);

  millrace::BatchSampler by_three(millrace::RandomSampler(10, {.seed = 1}), 3, false);
  by_three.load_state(state);
  std::cout << "by three:";
  print_rest(by_three);
}
