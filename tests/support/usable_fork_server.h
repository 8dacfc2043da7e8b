#pragma once

#include <gtest/gtest.h>

#include "millrace/tests/support/process_probe.h"

/// Included by test programs whose children are started by a fork server: it is one that works under the thread
/// sanitizer as well (replace_early_server_under_thread_sanitizer()).
namespace millrace::test {

class UsableForkServer : public testing::Environment {
  void SetUp() override { replace_early_server_under_thread_sanitizer(); }
};

inline const auto* const kUsableForkServer = testing::AddGlobalTestEnvironment(new UsableForkServer);

}  // namespace millrace::test
