#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"
#include "millrace/tests/loader/datasets_for_tests.h"
#include "millrace/tests/support/seed.h"

namespace millrace::testing {

const c10::Device kFirstDevice(c10::kCUDA, 0);

/// Ends the whole test when it takes too long: a hang is a failure.
class Watchdog {
 public:
  explicit Watchdog(unsigned seconds) { ::alarm(seconds); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() { ::alarm(0); }
};

using test::test_seed;

/// One of the driver's entry points, replaced for the life of the object.
template <class Function>
class Replaced {
 public:
  Replaced(Function cuda::Driver::EntryPoints::* member, Function stand_in)
      : entry_(&(const_cast<cuda::Driver::EntryPoints&>(cuda::Driver::get().entry()).*member)), before_(*entry_) {
    *entry_ = stand_in;
  }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;
  ~Replaced() { *entry_ = before_; }

 private:
  Function* entry_;
  Function before_;
};

/// The guard switched off: every event says that the work before it is done.
inline Replaced<cuda::api::Result (*)(cuda::api::Event)> blind_gates() {
  return {&cuda::Driver::EntryPoints::event_query, [](cuda::api::Event) -> cuda::api::Result { return 0; }};
}

/// A batch of Numbers on a device: every row still holds its sample, and its label.
inline bool is_whole_on_device(const Batch& batch) {
  const at::Tensor data = fake_torch::to_host(batch.data());
  const at::Tensor target = fake_torch::to_host(batch.target());
  const auto* values = data.const_data_ptr<int64_t>();
  const auto* labels = target.const_data_ptr<int64_t>();
  const int64_t width = data.size(1);
  for (int64_t row = 0; row < batch.size(); ++row) {
    const int64_t sample = batch.indices()[static_cast<size_t>(row)];
    if (labels[row] != sample % 10) return false;
    for (int64_t i = 0; i < width; ++i)
      if (values[row * width + i] != sample) return false;
  }
  return true;
}

/// On the fake driver, with the counters as they were at the end of each test.
class OnFakeDevice : public ::testing::Test {
 protected:
  OnFakeDevice() {
    fake_torch::install();
    const cuda::CurrentContext context(0);
  }

  void SetUp() override { before_ = counts(); }

  /// What a test leaves behind is a leak.
  void TearDown() override { EXPECT_EQ(counts(), before_); }

  static std::vector<std::pair<std::string, long long>> counts() {
    std::vector<std::pair<std::string, long long>> counts;
    for (const char* const name : {"registered_bytes", "events", "streams"})
      counts.emplace_back(name, fake_cuda::count(name));
    counts.emplace_back("slices", static_cast<long long>(fake_torch::slices_in_use()));
    return counts;
  }

 private:
  std::vector<std::pair<std::string, long long>> before_;
};

}  // namespace millrace::testing
