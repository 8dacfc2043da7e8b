#pragma once

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/node.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/loader/datasets/reading.h"

namespace millrace::test {

/// Every byte of what a loader gives, texts too, and their order.
inline std::string epoch_of(DataLoader& loader) {
  std::string all;
  while (const auto batch = loader.next())
    for (const auto& column : batch->columns()) {
      all += column.name + ": ";
      if (const auto* texts = std::get_if<std::vector<std::string>>(&column.value)) {
        for (const auto& text : *texts) all += text + "\n";
      } else {
        const auto bytes = std::get<at::Tensor>(column.value).contiguous();
        all.append(static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes());
      }
    }
  return all;
}

/// The loader that YAML describes. `dataset` is its section, without braces: "npz, path: x.npz" for that type.
inline std::string epoch_of_yaml(const std::string& dataset, const testing::Mode& mode, const std::string& shuffle) {
  const std::string method = mode.start_method == StartMethod::kFork ? "fork" : "forkserver";
  const std::string worker = mode.worker_mode == WorkerMode::kThread ? "thread" : "process";
  const configs::Node run(configs::parse(
      "dataset: {type: " + dataset + "}\nloader: {batch_size: 4, seed: 1, shuffle: " + shuffle + ", num_workers: " +
          std::to_string(mode.workers) + ", worker_mode: " + worker + ", start_method: " + method + "}\n",
      "run.yaml"));
  return epoch_of(*configs::build_loader(run["loader"]));
}

/// An epoch, in order and at random, is the same in the trainer, with one worker and with four, forked ones too, and
/// from YAML.
template <class D>
void expect_the_same_with_workers(const D& dataset, const std::string& section) {
  using namespace millrace::testing;
  for (const std::string shuffle : {"false", "true"}) {
    const auto options = [&](const Mode& mode) { return mode.options(4).seed(1).shuffle(shuffle == "true"); };
    const std::string expected = epoch_of(*make_data_loader(dataset, options(kInline)));
    EXPECT_FALSE(expected.empty());
    for (const auto& mode : {kInline, processes(StartMethod::kForkServer, 1), processes(StartMethod::kForkServer, 4),
                             processes(StartMethod::kFork, 4), threads(2)}) {
      SCOPED_TRACE(std::string(mode.name) + ", " + std::to_string(mode.workers) + ", shuffle: " + shuffle);
      EXPECT_TRUE(epoch_of(*make_data_loader(dataset, options(mode))) == expected);
      EXPECT_TRUE(epoch_of_yaml(section, mode, shuffle) == expected);
    }
  }
}

}  // namespace millrace::test
