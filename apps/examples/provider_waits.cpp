// A provider of a CUDA tensor that waits until its consumer is done. The tensor is the same memory in both processes.

#include <cstdio>

#include "millrace/apps/examples/device_tensor.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace mp = millrace::multiprocessing;

namespace {

void provide(mp::Queue<at::Tensor>& tensors, mp::Queue<bool>& done) {
  tensors.put(example::sevens());
  done.get();  // Then the memory is nobody else's any more, and this process may end.
}

void consume(mp::Queue<at::Tensor>& tensors, mp::Queue<bool>& done) {
  at::Tensor tensor = tensors.get();
  std::printf("consumer: read %g\n", example::first(tensor));
  tensor.reset();
  done.put(true);
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  if (!example::has_cuda()) {
    std::puts("this example needs a CUDA device and a LibTorch with CUDA");
    return 0;
  }
  mp::Queue<at::Tensor> tensors;
  mp::Queue<bool> done;
  mp::Process provider(provide, std::ref(tensors), std::ref(done));
  mp::Process consumer(consume, std::ref(tensors), std::ref(done));
  provider.start();
  consumer.start();
  provider.join();
  consumer.join();
  std::printf("provider ended with %d, consumer with %d\n", *provider.exitcode(), *consumer.exitcode());
  return 0;
}
