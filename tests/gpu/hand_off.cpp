#include <ATen/ops/empty.h>

#include <utility>
#include <vector>

#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/process/torch_cuda.h"
#include "millrace/sharing/tensor/tensor_codec.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace gpu_check {
namespace {

constexpr int kTensors = 200;

at::Tensor tensor_on_device() {
  return at::empty({1 << 18}, at::TensorOptions(c10::kFloat).device(c10::Device(c10::kCUDA, 0)));
}

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

using Message = std::pair<int64_t, at::Tensor>;

// Puts one tensor after another of a block, each when the one before was taken.
void provide(mp::Queue<Message>& queue, mp::Connection& taken) {
  const auto tensor = tensor_on_device();
  for (int i = 0; i < kTensors; ++i) {
    queue.put({now_ns(), tensor});
    taken.recv<int>();
  }
}

}  // namespace

void hand_off() {
  const auto& torch = millrace::load_torch_cuda();
  if (torch.state != millrace::TorchCuda::State::kLoaded) throw Skipped(torch.text);
  const millrace::cuda::CurrentContext context(0);
  mp::Queue<Message> queue;
  auto [ours, theirs] = mp::Pipe();
  mp::Process provider(provide, std::ref(queue), std::move(theirs));
  provider.start();
  std::vector<double> us;
  std::vector<at::Tensor> held;  // The block stays open.
  for (int i = 0; i < kTensors; ++i) {
    auto [sent, tensor] = queue.get(std::chrono::seconds(60));
    us.push_back(static_cast<double>(now_ns() - sent) / 1e3);
    held.push_back(std::move(tensor));
    ours.send(0);
  }
  row("a CUDA tensor of 1 MiB through a queue: the first", text("%.0f us", us.front()));
  us.erase(us.begin());
  row("the following, of the same block, median of 199", text("%.1f us", median(us)));
  held.clear();
  provider.join(std::chrono::seconds(60));
}

}  // namespace gpu_check
