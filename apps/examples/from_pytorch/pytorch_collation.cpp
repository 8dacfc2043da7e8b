#include <ATen/ops/arange.h>

#include <iostream>

#include "millrace/loader/data_loader.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"
#include "millrace/sharing/process/init.h"

// __getitem__ returns {"tokens": tensor, "text": str, "id": int}
struct Sentences {
  size_t size() const { return 6; }
  millrace::Sample get(size_t i) const {
    return {{"tokens", at::arange(1 + static_cast<int64_t>(i) % 3)},
            {"text", "sentence " + std::to_string(i)},
            {"id", static_cast<int64_t>(i)}};
  }
};

int64_t longest(const std::vector<millrace::Sample>& samples) {
  int64_t longest = 0;
  for (const auto& sample : samples) longest = std::max(longest, sample.get<at::Tensor>("tokens").numel());
  return longest;
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  using namespace millrace;
  const DataLoaderOptions options = DataLoaderOptions(3).num_workers(1);

  auto padded = make_data_loader(Sentences(), options, collate::Pad{-1});  // collate_fn=pad_sequence(…)
  const auto batch = *padded->next();
  std::cout << batch["tokens"].sizes() << ' ' << batch.strings("text")[2] << ' ' << batch["id"].sizes() << '\n';

  auto own = make_data_loader(Sentences(), options, &longest);  // collate_fn=longest
  std::cout << "longest " << *own->next() << '\n';

  auto single = make_data_loader(Sentences(), DataLoaderOptions(1), collate::None());  // batch_size=None
  std::cout << single->next()->get<std::string>("text") << '\n';

  const std::vector<double> weights = {0, 0, 1, 0, 0, 1};
  auto weighted = make_data_loader(Sentences(), WeightedRandomSampler(weights, 4), options, &longest);  // sampler=
  std::cout << weighted->size() << " batches, longest " << *weighted->next() << '\n';

  const std::vector<int64_t> lengths = {1, 2, 3, 1, 2, 3};
  const BucketBatchSampler buckets(lengths, {.batch_size = 2, .boundaries = {2, 3}, .shuffle = false});
  auto bucketed = make_data_loader(Sentences(), buckets, DataLoaderOptions(2), collate::Ragged());  // batch_sampler=
  for (auto& pair : *bucketed) std::cout << pair["tokens"].sizes() << ' ';
  std::cout << '\n';
}
