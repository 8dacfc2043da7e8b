#pragma once

#include <gtest/gtest.h>

#include <string>

#include "millrace/sharing/process/start_method.h"

namespace millrace::test {

inline auto every_start_method() {
  return ::testing::Values(StartMethod::kFork, StartMethod::kForkServer, StartMethod::kSpawn);
}

inline std::string start_method_name(const ::testing::TestParamInfo<StartMethod>& tested) {
  return to_string(tested.param);
}

}  // namespace millrace::test
