#include <ATen/ops/randn.h>

#include <iostream>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/process/init.h"

struct Noise {
  size_t size() const { return 100; }
  at::Tensor get(size_t /*i*/, millrace::SampleContext& context) const { return at::randn({4}, context.generator()); }
};

double sum_of_epoch(const millrace::DataLoaderOptions& options, int64_t epoch) {
  auto loader = millrace::make_data_loader(Noise(), options);
  loader->set_epoch(epoch);
  double sum = 0;
  int64_t number = 0;
  for (auto& batch : *loader) sum += static_cast<double>(++number) * batch.data().to(at::kDouble).sum().item<double>();
  return sum;
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  const auto options = millrace::DataLoaderOptions(8).shuffle(true).seed(1);
  const auto with = [&](int64_t workers) { return millrace::DataLoaderOptions(options).num_workers(workers); };
  const double inline_sum = sum_of_epoch(with(0), 3);
  std::cout << std::boolalpha << "one worker: " << (sum_of_epoch(with(1), 3) == inline_sum)
            << "\nthree workers: " << (sum_of_epoch(with(3), 3) == inline_sum)
            << "\nthreads: " << (sum_of_epoch(with(2).worker_mode(millrace::WorkerMode::kThread), 3) == inline_sum)
            << "\nanother epoch: " << (sum_of_epoch(with(1), 4) == inline_sum)
            << "\nanother seed: " << (sum_of_epoch(with(1).seed(2), 3) == inline_sum) << '\n';
}
