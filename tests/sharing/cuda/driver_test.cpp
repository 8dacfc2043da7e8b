#include <gtest/gtest.h>

#include "millrace/sharing/cuda/driver.h"

namespace millrace::cuda {
namespace {

TEST(Driver, IsReadyOnTheFake) {
  EXPECT_EQ(Driver::status().kind, DriverStatus::Kind::kReady) << Driver::status().text;
  EXPECT_EQ(Driver::status().text, "CUDA 13.0 with 1 device");
}

}  // namespace
}  // namespace millrace::cuda
