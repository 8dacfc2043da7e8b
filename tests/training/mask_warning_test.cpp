#include "millrace/training/mask_warning.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millrace/loader/columns.h"
#include "millrace/tests/support/notices.h"

namespace millrace::training::mask_warning_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// What is told of a batch with masks of these numbers.
std::string told_of(const std::vector<int64_t>& numbers, const std::string& field = "mask") {
  Columns columns;
  columns.add("image", at::zeros({1, 1, 1, std::ssize(numbers)}, at::kByte));
  columns.add(field, at::tensor(numbers, at::kLong).to(at::kByte).view({1, 1, 1, std::ssize(numbers)}));
  return test::told_by([&] { warn_of_black_and_white_masks(columns); });
}

TEST(MaskWarning, IsAboutMasksOf0And255Alone) {
  EXPECT_THAT(told_of({0, 255, 0}), HasSubstr("write mask_values: [0, 255]"));
  EXPECT_THAT(told_of({0, 0}), IsEmpty()) << "a picture of the background";
  EXPECT_THAT(told_of({0, 1, 255}), IsEmpty()) << "255 lies around the things, as in PASCAL VOC";
  EXPECT_THAT(told_of({0, 255}, "label"), IsEmpty());
}

}  // namespace
}  // namespace millrace::training::mask_warning_test
