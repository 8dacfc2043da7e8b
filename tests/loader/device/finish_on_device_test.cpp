// finish() and Batch::to(device, Normalize) on the fake driver, which runs the text of finish.cu.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/device/finish.h"
#include "millrace/loader/device/finish_arguments.h"
#include "millrace/loader/device/finish_kernel.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"
#include "millrace/tests/loader/device/finish_cu.h"
#include "millrace/tests/support/notices.h"

namespace millrace {
namespace {

using transforms::Normalize;

constexpr int64_t kBatch = 4;
const c10::Device kDevice(c10::kCUDA, 0);

template <const char* name>
void run(const unsigned grid[3], const unsigned block[3], void** parameters) {
  launch_on_cpu(name, grid[0], block[0], parameters);
}

constexpr char kFloatKernel[] = "millrace_finish_float";
constexpr char kHalfKernel[] = "millrace_finish_half";
constexpr char kBFloat16Kernel[] = "millrace_finish_bfloat16";

class FinishOnDevice : public testing::Test {
 protected:
  FinishOnDevice() {
    fake_torch::install();
    fake_cuda::register_kernel(kFloatKernel, run<kFloatKernel>, {sizeof(device::FinishArguments)});
    fake_cuda::register_kernel(kHalfKernel, run<kHalfKernel>, {sizeof(device::FinishArguments)});
    fake_cuda::register_kernel(kBFloat16Kernel, run<kBFloat16Kernel>, {sizeof(device::FinishArguments)});
  }
};

// Sample i: pictures of pixels i, i + 1, ..., and a label.
struct Ramps {
  size_t size() const { return 24; }
  SampleSpec spec() const { return {{"image", c10::kByte, {3, 5, 16}}, {"label", c10::kLong, {}}}; }
  void read(size_t index, SampleRow& row, SampleContext&) const {
    auto pixels = row.span<uint8_t>("image");
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(index + i);
    row.set<int64_t>("label", static_cast<int64_t>(index));
  }
  template <class Archive>
  void serialize(Archive&) {}
};

at::Tensor on_device(const at::Tensor& tensor) {
  auto there = fake_torch::empty(tensor.sizes(), tensor.scalar_type());
  std::memcpy(there.mutable_data_ptr(), tensor.const_data_ptr(), tensor.nbytes());
  return there;
}

TEST_F(FinishOnDevice, GivesWhatItGivesOnTheCpu) {
  const auto pictures = at::randint(256, {kBatch, 3, 7, 21}, c10::kByte);
  const Windows windows{{6, 16}, at::tensor({0, 0, 1, 1, 2, 0, 1, 5, 1, 0, 3, 0}, c10::kInt).view({kBatch, 3})};
  const Windows there{windows.size, on_device(windows.corners)};
  for (const auto dtype : {c10::kFloat, c10::kHalf, c10::kBFloat16}) {
    const auto normalize = Normalize::imagenet(dtype);
    const auto whole = finish(on_device(pictures), normalize);
    EXPECT_TRUE(whole.is_cuda());
    EXPECT_TRUE(at::equal(fake_torch::to_host(whole), finish(pictures, normalize))) << dtype;
    const auto cut = finish(on_device(pictures), normalize, there);
    EXPECT_TRUE(at::equal(fake_torch::to_host(cut), finish(pictures, normalize, windows))) << dtype;
  }
}

TEST_F(FinishOnDevice, RunsOnTheCurrentStreamBehindTheCopy) {
  const cuda::OwnedStream stream(0);
  const fake_torch::CurrentStream current(0, stream.get());
  const fake_cuda::Setting slow("copy_delay_us", 20'000);
  auto loader = make_data_loader(Ramps(), DataLoaderOptions(kBatch).pin_memory(true).num_workers(1));
  const auto normalize = Normalize::imagenet(c10::kBFloat16);
  int64_t batches = 0;
  while (auto batch = loader->next()) {
    ASSERT_TRUE(batch->is_pinned());
    const auto expected = finish(batch->data(), normalize);
    const auto labels = batch->target().clone();
    const auto there = batch->to(kDevice, normalize);
    batch.reset();  // Its slot is filled anew when the copy is done, not before.
    EXPECT_TRUE(at::equal(fake_torch::to_host(there.data()), expected));
    EXPECT_TRUE(at::equal(fake_torch::to_host(there.target()), labels));
    ++batches;
  }
  EXPECT_EQ(batches, 6);
}

TEST_F(FinishOnDevice, TakesABatchThatTheLoaderBroughtThere) {
  auto loader = make_data_loader(Ramps(), DataLoaderOptions(kBatch).device(kDevice));
  auto on_cpu = make_data_loader(Ramps(), DataLoaderOptions(kBatch));
  while (auto batch = loader->next()) {
    const auto same = on_cpu->next();
    const auto finished = batch->to(c10::kCUDA, Normalize::imagenet());
    EXPECT_TRUE(at::equal(fake_torch::to_host(finished.data()), same->to(c10::kCPU, Normalize::imagenet()).data()));
    EXPECT_EQ(finished.target().const_data_ptr(), batch->target().const_data_ptr());
  }
}

// Catches what c10 warns of.
TEST_F(FinishOnDevice, WarnsOnceWhereItsKernelCannotBeCompiled) {
  const fake_cuda::Setting two("devices", 2);
  const fake_cuda::Setting broken("nvrtc_result", 6);
  const test::Notices notices;
  EXPECT_EQ(device::FinishKernel::find(1), nullptr);
  EXPECT_EQ(device::FinishKernel::find(1), nullptr);
  ASSERT_EQ(notices.all().size(), 1U);
  EXPECT_NE(notices.texts()[0].find("the fake was told to fail"), std::string::npos) << notices.texts()[0];
  EXPECT_NE(device::FinishKernel::find(0), nullptr);
}

}  // namespace
}  // namespace millrace
