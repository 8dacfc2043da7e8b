#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>

#include <iostream>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/process/init.h"

// class Squares(Dataset): __len__, __getitem__
struct Squares {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  millrace::Example get(size_t i, millrace::SampleContext& context) const {
    const auto noise = at::rand({}, context.generator());  // torch.rand(()), from this sample's own stream
    return {at::full({2}, static_cast<double>(i * i)).add(noise, 0.01), at::full({}, int64_t(i % 2), at::kLong)};
  }
  template <class Archive>
  void serialize(Archive& archive) {  // instead of pickle
    archive(n);
  }
};

void greet(const millrace::WorkerInfo& info) {
  if (millrace::get_worker_info()->num_workers != info.num_workers) std::abort();
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  auto loader = millrace::make_data_loader(
      Squares{10},
      millrace::DataLoaderOptions(/*batch_size=*/4).num_workers(2).shuffle(true).seed(1).worker_init_fn(&greet));
  std::cout << loader->size() << " batches\n";  // len(loader)
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::cout << "epoch " << loader->epoch() << ':';
    for (auto& batch : *loader) {  // for data, target in loader
      const at::Tensor& data = batch.data();
      const at::Tensor& target = batch.target();
      std::cout << ' ' << data.size(0) << 'x' << data.size(1) << '/' << target.sum().item<int64_t>();
    }
    std::cout << '\n';
  }
}
