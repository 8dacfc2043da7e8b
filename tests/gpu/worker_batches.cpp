#include <ATen/ops/all.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/full.h>

#include <csignal>
#include <string>

#include "millrace/loader/collation/example_codec.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/device/empty_in_batch.h"
#include "millrace/sharing/process/torch_cuda.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace gpu_check {
namespace {

using namespace millrace;

constexpr int64_t kFloats = 19 << 20;  // A batch's, 80 MB.
constexpr int64_t kBatches = 60;

// One float, all over a batch, written by a kernel of torch's.
struct DeviceBatches {
  bool in_place = false;

  size_t size() const { return kBatches; }
  Example get_batch(const std::vector<size_t>& indices) const {
    const auto value = static_cast<double>(indices.at(0));
    const auto on_device = at::TensorOptions(at::kFloat).device(at::kCUDA);
    at::Tensor data = in_place ? empty_in_batch({kFloats}, at::kFloat) : at::empty({kFloats}, on_device);
    data.fill_(value);
    return {data, at::full({1}, value)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(in_place);
  }
};

bool is_right(const Example& batch) { return batch.data.eq(batch.target.item()).all().item<bool>(); }

auto loader_of(bool in_place) {
  return make_data_loader(DeviceBatches{in_place}, DataLoaderOptions(1)
                                                       .num_workers(2)
                                                       .retries(1000)
                                                       .max_sample_bytes(1024)
                                                       .device(at::Device(at::kCUDA, 0))
                                                       .device_batch_bytes(kFloats * sizeof(float)));
}

// How long a batch takes that is filled by one kernel and read by another, once the workers have a context.
std::string speed(bool in_place) {
  auto loader = loader_of(in_place);
  for (const auto& batch : *loader) is_right(batch);
  const auto start = Clock::now();
  for (const auto& batch : *loader) is_right(batch);
  return text("%.2f ms", ms_since(start) / kBatches);
}

void kill_workers() {
  auto loader = loader_of(false);
  Example held;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    int64_t number = 0;
    for (const auto& batch : *loader) {
      if (!is_right(batch)) throw std::runtime_error("a batch is wrong as it comes");
      if (++number % 10 == 0) ::kill(loader->worker_pids()[static_cast<size_t>(number / 10) % 2], SIGKILL);
      if (held.data.defined() && !is_right(held)) throw std::runtime_error("a batch has changed while it was held");
      held = batch;
    }
    if (number != kBatches) throw std::runtime_error(text("%ld batches came, not %ld", number, kBatches));
  }
  row("C4 batches of 80 MB on the device that worker processes make, and are killed over",
      text("all %ld right, %lu deaths", 3 * kBatches, loader->stats().worker_deaths));
}

}  // namespace

void worker_batches() {
  const auto& torch = load_torch_cuda();
  if (torch.state != TorchCuda::State::kLoaded) throw Skipped(torch.text);
  row("C4 a batch of 80 MB made on the device by two workers: copied / in place", speed(false) + " / " + speed(true));
  kill_workers();
}

}  // namespace gpu_check
