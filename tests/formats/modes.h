#pragma once

#include <gtest/gtest.h>

#include "millrace/tests/loader/datasets/reading.h"

namespace millrace::test {

/// An epoch at random is the same in the trainer, with one worker and with four, forked ones too.
template <class D>
void expect_the_same_with_workers(const D& dataset) {
  using namespace millrace::testing;
  const auto expected = hash_of(dataset, kInline);
  for (const auto& mode : {processes(StartMethod::kForkServer, 1), processes(StartMethod::kForkServer, 4),
                           processes(StartMethod::kFork, 4), threads(2)})
    EXPECT_EQ(hash_of(dataset, mode), expected) << mode.name << ", " << mode.workers;
}

}  // namespace millrace::test
