#include <iostream>
#include <numeric>
#include <optional>
#include <vector>

#include "millrace/samplers/any_batch_sampler.h"
#include "millrace/samplers/batch_sampler.h"

// Indices: those of one parity in even epochs, of the other in odd ones.
struct EveryOther {
  int64_t n = 0, epoch = 0, at = 0;
  int64_t size() const { return n / 2; }
  void set_epoch(int64_t e) { epoch = e, at = 0; }
  std::optional<int64_t> next() {
    if (at == size()) return std::nullopt;
    return 2 * at++ + epoch % 2;
  }
};
static_assert(millrace::Sampler<EveryOther>);

// Whole batches: neighbours, one more each time.
struct GrowingBatches {
  int64_t batches = 0, at = 0;
  int64_t size() const { return batches; }
  void set_epoch(int64_t) { at = 0; }
  bool next(std::vector<int64_t>& batch) {
    batch.clear();
    if (at == batches) return false;
    batch.resize(static_cast<size_t>(++at));
    std::iota(batch.begin(), batch.end(), at * (at - 1) / 2);
    return true;
  }
};
static_assert(millrace::SamplerOfBatches<GrowingBatches>);

void print_rest(const char* name, millrace::AnyBatchSampler& sampler) {
  std::cout << name << ':';
  for (std::vector<int64_t> batch; sampler.next(batch);) {
    std::cout << " [";
    for (const int64_t index : batch) std::cout << ' ' << index;
    std::cout << " ]";
  }
  std::cout << '\n';
}

int main() {
  millrace::AnyBatchSampler pairs = millrace::BatchSampler(EveryOther{.n = 12}, /*batch_size=*/2, /*drop_last=*/false);
  pairs.set_epoch(1);
  print_rest("every other", pairs);

  millrace::AnyBatchSampler growing = GrowingBatches{.batches = 4};
  print_rest("growing", growing);
  growing.load_state({.epoch = 0, .position = 2});  // Goes through the epoch again, since the struct has no state().
  print_rest("from batch 2", growing);
}
