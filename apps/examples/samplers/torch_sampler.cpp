#include <torch/data.h>

#include <iostream>

#include "millrace/samplers/torch_sampler.h"

int main() {
  // Rank 1 of 2 over 10 samples.
  const torch::data::samplers::DistributedRandomSampler theirs(10, /*num_replicas=*/2, /*rank=*/1);
  millrace::TorchSampler sampler(theirs, millrace::epoch_size(theirs), /*batch_size=*/2, /*drop_last=*/false);
  for (const int64_t epoch : {0, 1, 0}) {
    sampler.set_epoch(epoch);
    std::cout << "epoch " << epoch << ':';
    for (std::vector<int64_t> batch; sampler.next(batch);) {
      std::cout << " [";
      for (const int64_t index : batch) std::cout << ' ' << index;
      std::cout << " ]";
    }
    std::cout << '\n';
  }
}
