// A provider of a CUDA tensor that ends while its consumer has the tensor in hand: it puts the tensor on a queue,
// sleeps two seconds and returns; the consumer first reads the tensor two seconds after it got it.
//
//   provider_leaves [SECONDS]
//
// At its end the provider waits until the consumer is done, at most SECONDS (10), so normally the consumer reads what
// was sent. With 0 it does not wait: it warns, and the consumer learns that what it read may be garbage.

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

#include "millrace/apps/examples/device_tensor.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/cuda/ipc/ipc.h"
#include "millrace/sharing/os/whole_number.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace mp = millrace::multiprocessing;
using std::chrono::seconds;

namespace {

void provide(mp::Queue<at::Tensor>& tensors, int drain_seconds) {
  millrace::cuda::set_ipc_drain_timeout(seconds(drain_seconds));
  tensors.put(example::sevens());
  std::this_thread::sleep_for(seconds(2));
}

void consume(mp::Queue<at::Tensor>& tensors) {
  try {
    const at::Tensor tensor = tensors.get();
    std::this_thread::sleep_for(seconds(2));
    const float value = example::first(tensor);
    // Asked after the read: what was read while the provider lived is good.
    if (millrace::cuda::is_producer_alive(tensor))
      std::printf("consumer: read %g\n", value);
    else
      std::puts("consumer: the provider has ended, what was read may be garbage");
  } catch (const millrace::cuda::CudaProducerDied& e) {
    std::printf("consumer: %s\n", e.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  if (!example::has_cuda()) {
    std::puts("this example needs a CUDA device and a LibTorch with CUDA");
    return 0;
  }
  mp::Queue<at::Tensor> tensors;
  const auto drain_seconds = millrace::detail::whole_number<int>(argc > 1 ? argv[1] : "10");
  if (!drain_seconds) throw std::invalid_argument(std::string("expected a number of seconds, found '") + argv[1] + "'");
  mp::Process provider(provide, std::ref(tensors), *drain_seconds);
  mp::Process consumer(consume, std::ref(tensors));
  provider.start();
  consumer.start();
  provider.join();
  consumer.join();
  std::printf("provider ended with %d, consumer with %d\n", *provider.exitcode(), *consumer.exitcode());
  return 0;
}
