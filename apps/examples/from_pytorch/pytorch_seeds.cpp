#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>

#include <iostream>
#include <mutex>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/combinators.h"
#include "millrace/sharing/process/init.h"

// torch.manual_seed(seed)
void manual_seed(uint64_t seed) {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed);
}

void print_epoch(const char* name, millrace::DataLoader& loader) {
  std::cout << name << ':';
  for (auto& batch : loader) {
    for (const int64_t index : batch.indices()) std::cout << ' ' << index;
    std::cout << ',';
  }
  std::cout << '\n';
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  using namespace millrace;
  const TensorDataset ten({at::arange(10)});
  const auto options = DataLoaderOptions(4).shuffle(true).seed_mode(SeedMode::kTorch);

  manual_seed(0);  // torch.manual_seed(0); DataLoader(range(10), 4, shuffle=True, num_workers=2)
  auto global = make_data_loader(ten, DataLoaderOptions(options).num_workers(2));
  print_epoch("global generator", *global);

  // generator=torch.Generator().manual_seed(42)
  auto own = make_data_loader(ten, DataLoaderOptions(options).generator(at::make_generator<at::CPUGeneratorImpl>(42)));
  print_epoch("own generator", *own);
  print_epoch("its second epoch", *own);
}
