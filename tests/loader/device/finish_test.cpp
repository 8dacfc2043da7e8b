// The definition of finish() on the CPU, against torch's operations; that finish.cu compiles for the GPUs there are.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "millrace/loader/device/compile.h"
#include "millrace/loader/device/finish.h"
#include "millrace/loader/device/finish_source.h"
#include "millrace/loader/device/finish_steps.h"
#include "millrace/loader/images/kernels.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/tests/loader/device/finish_cu.h"

namespace millrace {
namespace {

using transforms::Normalize;

constexpr int64_t kPictures = 5, kChannels = 3, kHeight = 9, kWidth = 21;

at::Tensor pictures(bool interleaved) {
  if (interleaved) return at::randint(256, {kPictures, kHeight, kWidth, kChannels}, c10::kByte).permute({0, 3, 1, 2});
  return at::randint(256, {kPictures, kChannels, kHeight, kWidth}, c10::kByte);
}

Windows windows() {
  const auto corners =
      at::stack({at::randint(0, kHeight - 6, {kPictures}, c10::kInt),
                 at::randint(0, kWidth - 15, {kPictures}, c10::kInt), at::randint(0, 2, {kPictures}, c10::kInt)},
                1);
  return {{7, 16}, corners.contiguous()};
}

at::Tensor cut(const at::Tensor& pictures, const Windows& windows) {
  std::vector<at::Tensor> taken;
  for (int64_t n = 0; n < pictures.size(0); ++n) {
    const auto* const corner = windows.corners.const_data_ptr<int>() + 3 * n;
    auto window = pictures[n].narrow(1, corner[0], windows.size.height).narrow(2, corner[1], windows.size.width);
    taken.push_back(corner[2] ? window.flip({2}) : window);
  }
  return at::stack(taken);
}

at::Tensor per_channel(const std::vector<float>& values) { return at::tensor(values).view({1, -1, 1, 1}); }

class Finish : public testing::TestWithParam<std::tuple<c10::ScalarType, bool, bool>> {
 protected:
  c10::ScalarType dtype() const { return std::get<0>(GetParam()); }
  at::Tensor pictures_ = pictures(std::get<1>(GetParam()));
  std::optional<Windows> windows_ = std::get<2>(GetParam()) ? std::optional(windows()) : std::nullopt;
  at::Tensor taken_ = windows_ ? cut(pictures_, *windows_) : pictures_;
};

TEST_P(Finish, IsWhatTorchsOperationsMakeOfTheSameWindows) {
  const Normalize normalize = Normalize::imagenet(dtype());
  const auto made = finish(pictures_, normalize, windows_);
  EXPECT_EQ(made.scalar_type(), dtype());
  EXPECT_TRUE(made.is_contiguous());
  // As one writes it, with other roundings on the way: of the values' size, 2.7, they may differ by some units of the
  // last place.
  const auto expected = (taken_.to(c10::kFloat) / 255 - per_channel(normalize.mean)) / per_channel(normalize.std);
  const double tolerance = dtype() == c10::kFloat ? 1e-6 : dtype() == c10::kHalf ? 2e-3 : 2e-2;
  EXPECT_LT((made.to(c10::kFloat) - expected).abs().max().item<double>(), tolerance);
  EXPECT_TRUE(at::equal(made, device::finish_by_torch(pictures_, normalize, windows_)));
  EXPECT_TRUE(at::equal(made, finish(pictures_, Normalize::imagenet(), windows_).to(dtype())));
}

const char* kernel_name(c10::ScalarType dtype) {
  if (dtype == c10::kFloat) return "millrace_finish_float";
  return dtype == c10::kHalf ? "millrace_finish_half" : "millrace_finish_bfloat16";
}

TEST_P(Finish, IsWhatTheKernelsTextMakes) {
  const auto normalize = Normalize::imagenet(dtype());
  // Rows of 16 values are whole runs; the others are not, and a run of 8 reaches over several rows of 1 and 3.
  for (const int64_t width : {kWidth, int64_t{16}, int64_t{13}, int64_t{3}, int64_t{1}}) {
    const auto in = pictures_.narrow(3, kWidth - width, width);
    if (windows_ && width < windows_->size.width) continue;
    const auto expected = finish(in, normalize, windows_);
    auto made = device::empty_finished(in, normalize, windows_);
    auto arguments = device::finish_arguments(in, made, normalize, windows_);
    void* parameters[] = {&arguments};
    launch_on_cpu(kernel_name(dtype()), 3, 512, parameters);
    EXPECT_TRUE(at::equal(made, expected)) << "pictures " << width << " wide";
  }
}

// Of a device's memory, stores of 16 bytes side by side are what is fast.
TEST_P(Finish, WritesAnOddBatchInWholeAlignedRuns) {
  const auto normalize = Normalize::imagenet(dtype());
  const auto odd = windows_ ? std::optional<Windows>({{7, 13}, windows_->corners}) : std::nullopt;
  auto made = device::empty_finished(pictures_, normalize, odd);
  auto arguments = device::finish_arguments(pictures_, made, normalize, odd);
  void* parameters[] = {&arguments};
  constexpr size_t kRun = 16;
  const size_t bytes = made.nbytes();
  const auto* const begin = static_cast<const unsigned char*>(made.const_data_ptr());
  for (size_t thread = 0; thread * kRun < bytes; ++thread) {
    std::memset(made.mutable_data_ptr(), 0xff, bytes);  // Not a number in every type.
    run_thread_on_cpu(kernel_name(dtype()), static_cast<unsigned>(thread), parameters);
    // No value's bytes are all 0xff, but one of them may be.
    const auto value = made.element_size();
    std::vector<size_t> written;
    for (size_t at = 0; at < bytes; at += static_cast<size_t>(value))
      if (std::any_of(begin + at, begin + at + value, [](unsigned char byte) { return byte != 0xff; }))
        written.push_back(at);
    ASSERT_FALSE(written.empty()) << "thread " << thread;
    ASSERT_EQ(written.front(), thread * kRun) << "thread " << thread;
    ASSERT_LT(written.back(), (thread + 1) * kRun) << "thread " << thread;
    ASSERT_EQ(written.size(), (std::min(kRun, bytes - thread * kRun)) / static_cast<size_t>(value));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Finish,
                         testing::Combine(testing::Values(c10::kFloat, c10::kHalf, c10::kBFloat16), testing::Bool(),
                                          testing::Bool()),
                         [](const auto& all) {
                           return std::string(c10::toString(std::get<0>(all.param))) +
                                  (std::get<1>(all.param) ? "Interleaved" : "Planar") +
                                  (std::get<2>(all.param) ? "Windows" : "Whole");
                         });

TEST(FinishOfFloats, IsBitForBitTheChainsNormalize) {
  const auto in = pictures(false);
  const Normalize normalize({0.1307F}, {0.3081F});
  at::Tensor expected = at::empty(in.sizes(), c10::kFloat);
  image::normalize(in.const_data_ptr<uint8_t>(), static_cast<size_t>(in.numel()), 0.1307F * 255.0F,
                   1.0F / (0.3081F * 255.0F), expected.mutable_data_ptr<float>());
  EXPECT_TRUE(at::equal(finish(in, normalize), expected));
}

TEST(FinishWindows, ThatLieTooFarOutAreMovedInside) {
  const auto in = pictures(false);
  Windows far = windows();
  far.corners.select(1, 0).fill_(-3);
  far.corners.select(1, 1).fill_(1000);
  Windows inside = far;
  inside.corners = far.corners.clone();
  inside.corners.select(1, 0).fill_(0);
  inside.corners.select(1, 1).fill_(kWidth - 16);
  EXPECT_TRUE(at::equal(finish(in, Normalize::imagenet(), far), finish(in, Normalize::imagenet(), inside)));
  EXPECT_TRUE(
      at::equal(device::finish_by_torch(in, Normalize::imagenet(), far), finish(in, Normalize::imagenet(), inside)));
}

TEST(FinishRefuses, WhatIsNoBatchOfPictures) {
  const auto in = pictures(false);
  EXPECT_THROW(finish(in.to(c10::kFloat), Normalize::imagenet()), std::invalid_argument);
  EXPECT_THROW(finish(in[0], Normalize::imagenet()), std::invalid_argument);
  EXPECT_THROW(finish(in, Normalize({0.5F, 0.5F}, {1, 1})), std::invalid_argument);
  EXPECT_THROW(finish(at::empty({1, 33, 2, 2}, c10::kByte), Normalize({0.5F}, {1})), std::invalid_argument);
  EXPECT_THROW(finish(in, Normalize::imagenet(), Windows{{kHeight + 1, 2}, windows().corners}), std::invalid_argument);
  EXPECT_THROW(finish(in, Normalize::imagenet(), Windows{{2, 2}, at::Tensor()}), std::invalid_argument);
  EXPECT_THROW(finish(in, Normalize::imagenet(), Windows{{2, 2}, windows().corners.to(c10::kLong)}),
               std::invalid_argument);
  EXPECT_THROW(Normalize({0.5F}, {1}, c10::kLong), std::invalid_argument);
  EXPECT_THROW(transforms::Chain(Normalize::imagenet(c10::kHalf)), std::invalid_argument);
}

TEST(FinishKernelText, CompilesForTheDevicesThatNvrtcKnows) {
  if (const auto why = device::why_no_cuda_compiler()) GTEST_SKIP() << *why;
  for (const int capability : {80, 90, 100, 120}) {
    const auto code = device::compile_cuda(device::finish_source(), {device::finish_arguments_source()}, capability);
    EXPECT_EQ(std::string(code.data(), 4),
              "\x7f"
              "ELF")
        << capability;
    for (const std::string name : {"millrace_finish_float", "millrace_finish_half", "millrace_finish_bfloat16"})
      EXPECT_NE(std::string_view(code.data(), code.size()).find(name), std::string_view::npos) << name;
  }
}

TEST(FinishKernelText, ThatDoesNotCompileIsReportedWithTheCompilersWords) {
  if (const auto why = device::why_no_cuda_compiler()) GTEST_SKIP() << *why;
  try {
    device::compile_cuda({"wrong.cu", "__global__ void kernel() { nonsense(); }"}, {}, 90);
    ADD_FAILURE() << "it compiled";
  } catch (const device::CannotCompile& e) {
    EXPECT_NE(std::string(e.what()).find("nonsense"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace millrace
