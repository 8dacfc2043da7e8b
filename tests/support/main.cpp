#include <gtest/gtest.h>

#include "millrace/sharing/process/init.h"

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  return RUN_ALL_TESTS();
}
