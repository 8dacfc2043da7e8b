#include <ATen/ops/arange.h>

#include <iostream>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/chain_dataset.h"
#include "millrace/loader/datasets/combinators.h"
#include "millrace/sharing/process/init.h"

using namespace millrace;

// class Countdown(IterableDataset): each stream gives its own part
struct Countdown {
  int64_t from = 0;
  int64_t given = 0;

  std::optional<int64_t> next(StreamContext& context) {
    const int64_t number = from - context.shard() - given * context.num_shards();  // get_worker_info().id, num_workers
    if (number <= 0) return std::nullopt;
    ++given;
    return number;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(from, given);
  }
};

template <class D>
void print(const char* name, D dataset, const DataLoaderOptions& options) {
  std::cout << name << ':';
  auto loader = make_data_loader(std::move(dataset), options);
  for (auto& batch : *loader) {
    std::cout << " [";
    for (int64_t i = 0; i < batch.size(); ++i) std::cout << ' ' << batch.data()[i].template item<int64_t>();
    std::cout << " ]";
  }
  std::cout << '\n';
}

int main(int argc, char** argv) {
  init(argc, argv);
  const TensorDataset numbers({at::arange(10)});
  print("tensors", numbers, DataLoaderOptions(4).num_workers(1));
  print("concat", ConcatDataset<TensorDataset>({numbers, numbers}), DataLoaderOptions(8).drop_last(true));
  print("subset", Subset<TensorDataset>(numbers, {3, 1, 4}), DataLoaderOptions(3));
  for (const auto& part : random_split(numbers, {0.7, 0.3}, /*seed=*/0))  // generator=Generator().manual_seed(0)
    print("split", part, DataLoaderOptions(10));
  print("iterable", Countdown{9}, DataLoaderOptions(3).num_workers(2).num_streams(2));
  print("chain", ChainDataset<Countdown>({Countdown{3}, Countdown{4}}), DataLoaderOptions(3).num_streams(1));
}
