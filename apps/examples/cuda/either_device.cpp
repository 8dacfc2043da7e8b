// The same loop on a GPU, where LibTorch has one, and on the CPU.
#include <millrace/millrace.h>

#include <ATen/Context.h>

#include <iostream>

int main(int argc, char** argv) {
  millrace::init(argc, argv);  // First: starts the fork server, and loads LibTorch's CUDA part where there is a driver.
  using namespace millrace::transforms;
  const c10::Device device = at::hasCUDA() ? c10::kCUDA : c10::kCPU;

  auto photos = millrace::ImageFolder("photos").transform(RandomResizedCrop(64) | RandomHorizontalFlip());
  auto loader = millrace::make_data_loader(
      photos, millrace::DataLoaderOptions(32).num_workers(2).shuffle(true).seed(1).device(device));

  for (auto& batch : *loader) {  // Already there: the next one is being copied while this one is worked on.
    const at::Tensor x = batch.to(device, Normalize::imagenet(at::kBFloat16)).data();
    std::cout << "pictures " << x.sizes() << " of " << x.dtype() << '\n';
  }
}
