#pragma once

#include <torch/data.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/tests/support/directory.h"

// Datasets written for torch::data, as its users have them; `serialize` is what lets them travel to workers.
namespace millrace::testing {

namespace td = torch::data;

/// A flag that workers of every kind can see: a file. Looked for again and again, since what waits for it may be
/// another process, and for twenty seconds at most.
inline void raise_flag(const std::string& path) { std::ofstream(path).put('1'); }
inline void wait_for_flag(const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!std::filesystem::exists(path)) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("nobody raised " + path);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// Sample i is i + 1.
struct Numbers : td::datasets::Dataset<Numbers, int> {
  explicit Numbers(size_t count = 0) : n(count) {}

  int get(size_t index) override { return 1 + static_cast<int>(index); }
  std::optional<size_t> size() const override { return n; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }

  size_t n;
};

/// Sample i is i twice, and its target i.
struct Pairs : td::datasets::Dataset<Pairs> {
  explicit Pairs(int64_t count = 0) : n(count) {}

  td::Example<> get(size_t index) override {
    const auto i = static_cast<int64_t>(index);
    return {torch::full({2}, static_cast<double>(i)), torch::full({}, i, torch::kLong)};
  }
  std::optional<size_t> size() const override { return n; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }

  int64_t n;
};

/// A stateful dataset: the numbers from 0 in batches. Those numbers divisible by `bad` make their batch fail.
struct Counter : td::datasets::StatefulDataset<Counter, std::vector<int>> {
  explicit Counter(int count = 0, int every = 0) : total(count), bad(every) {}

  std::optional<std::vector<int>> get_batch(size_t batch_size) override {
    std::vector<int> batch;
    bool failed = false;
    for (; batch.size() < batch_size && next < total; ++next) {
      failed |= bad > 0 && next > 0 && next % bad == 0;
      batch.push_back(next);
    }
    if (failed) throw std::range_error("a bad number up to " + std::to_string(next));
    if (batch.empty()) return std::nullopt;
    return batch;
  }
  std::optional<size_t> size() const override { return std::nullopt; }
  void reset() override { next = 0; }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}
  template <class Archive>
  void serialize(Archive& archive) {
    archive(total, bad);
  }

  int total;
  int bad;
  int next = 1 << 30;  // Useless before reset().
};

/// Chunk c of `chunks` holds the numbers c * size .. c * size + size - 1; every `sparse`-th chunk is empty.
struct ChunkReader : td::datasets::ChunkDataReader<int> {
  using BatchType = ChunkType;

  ChunkReader(size_t count, size_t numbers, size_t every = 0) : chunks(count), size(numbers), sparse(every) {}

  ChunkType read_chunk(size_t chunk) override {
    ChunkType numbers;
    if (sparse > 0 && chunk % sparse == 0) return numbers;
    for (size_t i = 0; i < size; ++i) numbers.push_back(static_cast<int>(chunk * size + i));
    return numbers;
  }
  size_t chunk_count() override { return chunks; }
  void reset() override {}

  size_t chunks;
  size_t size;
  size_t sparse;
};

using OrderedChunks =
    td::datasets::ChunkDataset<ChunkReader, td::samplers::SequentialSampler, td::samplers::SequentialSampler>;
using ShuffledChunks = td::datasets::ChunkDataset<ChunkReader>;

/// ChunkDatasets cannot be copied or moved, so torch::data's users hold them shared; workers get them by recipe.
inline td::datasets::SharedBatchDataset<OrderedChunks> ordered_chunks(size_t chunks, size_t size, size_t sparse,
                                                                      size_t preloaders, size_t batch_size) {
  return td::datasets::make_shared_dataset<OrderedChunks>(
      ChunkReader(chunks, size, sparse), td::samplers::SequentialSampler(0), td::samplers::SequentialSampler(0),
      td::datasets::ChunkDatasetOptions(preloaders, batch_size));
}

}  // namespace millrace::testing
