#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/device/finish.h"
#include "millrace/loader/device/finish_kernel.h"
#include "millrace/loader/device/finish_steps.h"
#include "millrace/loader/sample.h"
#include "millrace/sharing/process/torch_cuda.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace gpu_check {
namespace {

using namespace millrace;
using transforms::Normalize;

constexpr int64_t kPictures = 64;
constexpr int64_t kTogether = 16;

// Pictures whose pixels follow from their number, of odd height and width.
struct NumberedPictures {
  size_t size() const { return kPictures; }
  Sample get(size_t index) const {
    auto picture = at::empty({3, 65, 63}, c10::kByte);
    auto* const pixels = picture.mutable_data_ptr<uint8_t>();
    for (int64_t i = 0; i < picture.numel(); ++i)
      pixels[i] = static_cast<uint8_t>(7 * i + 31 * static_cast<int64_t>(index));
    return {{"image", picture}, {"label", index}};
  }
  template <class Archive>
  void serialize(Archive&) {}
};

void require_equal(const at::Tensor& found, const at::Tensor& wanted, const std::string& what) {
  if (!at::equal(found.to(c10::kCPU), wanted)) throw std::runtime_error(what + " are not those of the CPU");
}

// Whole batches, and the first field finished by the kernel and by torch's operations, against the CPU.
void compare(bool pinned) {
  auto loader = make_data_loader(NumberedPictures{}, DataLoaderOptions(kTogether).num_workers(2).pin_memory(pinned));
  const c10::Device device(c10::kCUDA, 0);
  for (const auto& batch : *loader) {
    const Batch there = batch.to(device);
    require_equal(there.data(), batch.data(), "pixels that were copied");
    require_equal(there.target(), batch.target(), "labels that were copied");
    for (const auto type : {c10::kFloat, c10::kHalf, c10::kBFloat16}) {
      const auto normalize = Normalize::imagenet(type);
      const auto wanted = finish(batch.data(), normalize);
      require_equal(batch.to(device, normalize).data(), wanted, "values that Batch::to finished");
      require_equal(device::finish_by_torch(there.data(), normalize, std::nullopt), wanted,
                    "values that torch's operations finished");
    }
  }
}

}  // namespace

void batch_to() {
  const auto& torch = load_torch_cuda();
  if (torch.state != TorchCuda::State::kLoaded) throw Skipped(torch.text);
  const char* const by = device::FinishKernel::find(0) ? "the kernel" : "torch, there is no kernel";
  for (const bool pinned : {false, true}) {
    compare(pinned);
    row(std::string("Batch::to from ") + (pinned ? "pinned" : "pageable") + " memory, finished by " + by,
        "bit for bit as on the CPU; torch's operations give the same");
  }
}

}  // namespace gpu_check
