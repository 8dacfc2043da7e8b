#include <ATen/ops/full.h>

#include <iostream>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/seeds.h"
#include "millrace/sharing/process/init.h"

struct Noisy {
  size_t size() const { return 100; }
  at::Tensor get(size_t i, millrace::SampleContext& context) const {
    return at::full({}, static_cast<double>(i) + context.rng().uniform(), at::kDouble);
  }
};

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  constexpr int64_t kBatchSize = 8, kEpoch = 3, kBatch = 1, kRow = 2;
  constexpr uint64_t kSeed = 5;
  const auto options = millrace::DataLoaderOptions(kBatchSize).shuffle(true).seed(kSeed);
  auto loader = millrace::make_data_loader(Noisy(), millrace::DataLoaderOptions(options).num_workers(2));
  loader->set_epoch(kEpoch);
  loader->next();  // Batch 0.
  const millrace::LoaderState before = loader->state_dict();
  const auto batch = loader->next();

  // The batch, read in this process.
  auto again = millrace::make_data_loader(Noisy(), options);
  again->load_state_dict(before);
  std::cout << std::boolalpha << "the batch: " << again->next()->data().equal(batch->data()) << '\n';

  // One sample of it, without a loader.
  millrace::SampleContext context(millrace::sample_seed(kSeed, kEpoch, kBatch * kBatchSize + kRow), /*worker=*/-1);
  const auto sample = Noisy().get(static_cast<size_t>(batch->indices()[kRow]), context);
  std::cout << "the sample: " << sample.equal(batch->data()[kRow]) << '\n';
}
