#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millrace/sharing/codec/archive.h"
#include "millrace/tests/loader/datasets_for_tests.h"
#include "millrace/tests/support/error_of.h"

/// What the tests of datasets share.
namespace millrace::test {

/// The dataset as a worker process gets it.
template <class D>
D travelled(const D& dataset) {
  Encoded encoded = encode(dataset);
  DecodeArchive archive(encoded.bytes, encoded.fds);
  D arrived;
  archive(arrived);
  return arrived;
}

/// All samples in order, as one batch.
template <class D>
Batch read_all(const D& dataset) {
  auto loader = make_data_loader(dataset, DataLoaderOptions(static_cast<int64_t>(dataset.size())));
  return std::move(*loader->next());
}

/// Every byte of an epoch of random order and chance.
template <class D>
uint64_t hash_of(const D& dataset, const testing::Mode& mode) {
  auto loader = make_data_loader(dataset, mode.options(4).seed(1).shuffle(true));
  millrace::testing::Hash hash;
  for (auto& batch : *loader) hash.add(batch);
  return hash.value();
}

template <class D>
void expect_the_same_in_every_mode(const D& dataset) {
  using namespace millrace::testing;
  const auto expected = hash_of(dataset, kInline);
  for (const auto& mode : {threads(2), processes(StartMethod::kFork, 2), processes(StartMethod::kForkServer, 2)})
    EXPECT_EQ(hash_of(dataset, mode), expected) << mode.name;
}

}  // namespace millrace::test
