#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/codec/fnv.h"

namespace millrace::testing {

/// Sample i is filled with i; its "noise" comes from the sample's random stream. A torn row is seen at a glance.
struct Numbers {
  int64_t n = 0;
  int64_t width = 16;

  size_t size() const { return static_cast<size_t>(n); }
  SampleSpec spec() const {
    return {{"data", c10::ScalarType::Long, {width}},
            {"target", c10::ScalarType::Long, {}},
            {"noise", c10::ScalarType::Double, {}}};
  }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    for (auto& element : row.span<int64_t>("data")) element = static_cast<int64_t>(i);
    row.set<int64_t>("target", static_cast<int64_t>(i) % 10);
    row.set<double>("noise", context.rng().uniform());
  }
  std::string describe(size_t i) const { return "number " + std::to_string(i); }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(n, width);
  }
};

/// As Numbers, but sample `bad` misbehaves in the way that `how` says.
struct Troubled {
  enum class How : int { kThrow, kThrowInt, kDieAlways, kDieOnce, kHang };

  Numbers numbers;
  int64_t bad = 0;
  How how = How::kThrow;
  uint64_t once_flag = 0;  // Address of a shared counter, the same in every forked process.

  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    if (static_cast<int64_t>(i) == bad) misbehave();
    numbers.read(i, row, context);
  }
  std::string describe(size_t i) const { return numbers.describe(i); }

  void misbehave() const {
    switch (how) {
      case How::kThrow:
        throw std::out_of_range("no such number");
      case How::kThrowInt:
        throw 42;
      case How::kDieAlways:
        ::raise(SIGKILL);
        break;
      case How::kDieOnce:
        if (reinterpret_cast<std::atomic<int>*>(once_flag)->fetch_add(1) == 0) ::raise(SIGKILL);
        break;
      case How::kHang:
        ::raise(SIGSTOP);
        break;
    }
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers, bad, how, once_flag);
  }
};

/// Where the samples are read.
struct Mode {
  const char* name;
  int64_t workers;
  WorkerMode worker_mode = WorkerMode::kProcess;
  StartMethod start_method = StartMethod::kForkServer;

  DataLoaderOptions options(int64_t batch_size) const {
    return DataLoaderOptions(batch_size).num_workers(workers).worker_mode(worker_mode).start_method(start_method);
  }
};

inline const Mode kInline{"Inline", 0};

inline Mode threads(int64_t n) { return {"Threads", n, WorkerMode::kThread}; }
inline Mode processes(StartMethod method, int64_t n) {
  const char* name = method == StartMethod::kFork ? "Fork" : method == StartMethod::kSpawn ? "Spawn" : "ForkServer";
  return {name, n, WorkerMode::kProcess, method};
}

/// FNV-1a over every byte of every batch, in order.
class Hash {
 public:
  void add(const at::Tensor& tensor) {
    const auto bytes = tensor.contiguous();
    value_ = fnv1a({static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()}, value_);
  }
  void add(const Batch& batch) {
    for (const auto& column : batch.columns()) add(std::get<at::Tensor>(column.value));
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = kFnvBegin;
};

/// True when every row of "data" holds one number, the sample's index.
inline bool is_whole(const Batch& batch) {
  const int64_t width = batch.data().size(1);
  const auto* data = batch.data().const_data_ptr<int64_t>();
  for (int64_t row = 0; row < batch.size(); ++row)
    for (int64_t i = 0; i < width; ++i)
      if (data[row * width + i] != batch.indices()[static_cast<size_t>(row)]) return false;
  return true;
}

}  // namespace millrace::testing
