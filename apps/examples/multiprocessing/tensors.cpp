#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <iostream>

#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/tensor/share_memory.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace mp = millrace::multiprocessing;

void provide(mp::Queue<at::Tensor>& queue) {
  queue.put(at::ones({20, 20}));
  queue.put(at::ones({10, 10}));
}  // And exits; both tensors arrive.

void fill(const at::Tensor& tensor) { tensor.fill_(3); }

int main(int argc, char** argv) {
  millrace::init(argc, argv);

  mp::Queue<at::Tensor> queue;
  mp::Process provider(provide, std::ref(queue));
  provider.start();
  provider.join();
  for (int i = 0; i < 2; ++i) {
    const auto tensor = queue.get();
    std::cout << tensor.sizes() << ' ' << tensor.sum().item<double>() << '\n';
  }

  const auto shared = at::zeros({2, 3});
  millrace::share_memory_(shared);
  mp::Process process(fill, shared);  // Not copied: the process writes into our memory.
  process.start();
  process.join();
  std::cout << shared.sum().item<double>() << '\n';
}
