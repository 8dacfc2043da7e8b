#include <iostream>

#include "millrace/samplers/distributed_sampler.h"

// What each of `ranks` ranks gives in `turns` turns from `state` on, a line a rank; the state that all then have.
millrace::SamplerState give(int64_t ranks, int64_t turns, const millrace::SamplerState& state) {
  millrace::SamplerState then;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    millrace::DistributedSampler sampler(11, {.rank = rank, .num_replicas = ranks, .shuffle = false});
    sampler.load_state(state);
    std::cout << "rank " << rank << " of " << ranks << ':';
    for (int64_t turn = 0; turn < turns; ++turn)
      if (const auto index = sampler.next()) std::cout << ' ' << *index;
    std::cout << '\n';
    then = sampler.state();
  }
  return then;
}

int main() {
  const millrace::SamplerState state = give(/*ranks=*/3, /*turns=*/2, {});
  std::cout << "saved at " << to_string(state) << '\n';
  give(/*ranks=*/2, /*turns=*/100, state);
}
