#include <torch/data.h>

#include <iostream>

#include "millrace/millrace.h"

namespace td = torch::data;

// As it was written for torch::data, but for serialize().
struct Digits : td::datasets::Dataset<Digits> {
  explicit Digits(int64_t count = 0) : size_(count) {}

  td::Example<> get(size_t index) override {
    if (index == 77) throw std::runtime_error("no digit 77");
    return {torch::full({1, 28, 28}, 0.5), torch::full({}, static_cast<int64_t>(index), torch::kLong)};
  }
  std::optional<size_t> size() const override { return size_; }

  template <class Archive>
  void serialize(Archive& archive) {  // Lets it travel to worker processes.
    archive(size_);
  }

  int64_t size_;
};

// Transforms hold functions, which do not travel: worker processes build the dataset for themselves.
auto make_digits(int64_t count) {
  return Digits(count).map(td::transforms::Normalize<>(0.13, 0.31)).map(td::transforms::Stack<>());
}

template <class Loader>
int64_t examples_of_epoch(Loader& loader) {
  int64_t examples = 0;
  for (auto& example : *loader) examples += example.target.size(0);
  return examples;
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);  // First: before threads and CUDA.
  const auto options = millrace::DataLoaderOptions(16).workers(2);

  auto processes = millrace::make_data_loader(millrace::recipe(make_digits, 64), options);
  std::cout << "processes: " << examples_of_epoch(processes) << '\n';

  auto threads = millrace::make_data_loader(
      make_digits(64), millrace::DataLoaderOptions(options).worker_mode(millrace::WorkerMode::kThread));
  std::cout << "threads: " << examples_of_epoch(threads) << '\n';

  auto live = millrace::make_data_loader(
      make_digits(64), millrace::DataLoaderOptions(options).start_method(millrace::StartMethod::kFork));
  std::cout << "fork: " << examples_of_epoch(live) << '\n';

  // torch::data's own samplers, made for the dataset or given.
  auto shuffled = millrace::make_data_loader<td::samplers::RandomSampler>(millrace::recipe(make_digits, 64), options);
  std::cout << "random: " << examples_of_epoch(shuffled) << '\n';
  auto share =
      millrace::make_data_loader(millrace::recipe(make_digits, 64),
                                 td::samplers::DistributedRandomSampler(64, /*num_replicas=*/2, /*rank=*/1), options);
  std::cout << "rank 1 of 2: " << examples_of_epoch(share) << ", now at epoch " << share->epoch() << '\n';

  // A batch that cannot be made is lost, and the epoch goes on.
  auto bad = millrace::make_data_loader(millrace::recipe(make_digits, 128), options);
  int64_t batches = 0;
  for (bool more = true; more;) {
    try {
      more = bad->next().has_value();
      batches += more ? 1 : 0;
    } catch (const millrace::SampleError& e) {  // Was: torch::data::WorkerException.
      std::cout << e.type() << ", " << e.message() << '\n';
    }
  }
  std::cout << batches << " of " << bad->size() << " batches\n";

  // Stop in the middle of an epoch, and go on with other workers.
  processes->next();
  const auto state = processes->state_dict();
  auto resumed =
      millrace::make_data_loader(millrace::recipe(make_digits, 64), millrace::DataLoaderOptions(options).workers(1));
  resumed->load_state_dict(state);
  std::cout << "epoch " << resumed->epoch() << " goes on at digit " << (*resumed->begin()).target[0].item<int64_t>()
            << '\n';
}
