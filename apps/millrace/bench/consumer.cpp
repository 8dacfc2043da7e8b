#include "millrace/apps/millrace/bench/consumer.h"

#include <ATen/core/Tensor.h>

#include <stdexcept>
#include <string>
#include <variant>

#include "millrace/apps/millrace/clock.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/bench_keys.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/training/data.h"

namespace millrace::apps {
namespace {

int64_t bytes_of(const at::Tensor& tensor) { return static_cast<int64_t>(tensor.nbytes()); }
int64_t bytes_of(const std::string& text) { return static_cast<int64_t>(text.size()); }
template <class T>
int64_t bytes_of(const std::vector<T>& parts) {
  int64_t bytes = 0;
  for (const auto& part : parts) bytes += bytes_of(part);
  return bytes;
}

// Reads every byte: the sum of the tensor's 64-bit words, and of the bytes behind the last whole one.
int64_t sum_of(const at::Tensor& tensor) {
  const auto bytes = tensor.contiguous().view(-1).view(at::kByte);
  const int64_t rest = bytes.numel() % int64_t{sizeof(int64_t)};
  const int64_t whole = bytes.numel() - rest;
  return bytes.narrow(0, 0, whole).view(at::kLong).sum().item<int64_t>() +
         bytes.narrow(0, whole, rest).sum().item<int64_t>();
}
int64_t sum_of(const std::string& text) {
  int64_t sum = 0;
  for (const char byte : text) sum += static_cast<unsigned char>(byte);
  return sum;
}
template <class T>
int64_t sum_of(const std::vector<T>& parts) {
  int64_t sum = 0;
  for (const auto& part : parts) sum += sum_of(part);
  return sum;
}

}  // namespace

Consumer::Read Consumer::read_bench_section(const configs::Node& run) {
  const auto node = run.find("bench");
  if (!node) return Read::kNone;
  configs::Section section(*node);
  const auto keys = configs::read_keys<configs::tables::Bench>(section);
  return configs::meaning_of<Read>(keys.read, {{"none", Read::kNone}, {"all", Read::kAll}});
}

Consumer::Consumer(const configs::Node& run, const configs::DatasetTypes& types, Profile profile)
    : read_(read_bench_section(run)) {
  const auto options = configs::read_loader_options(run.section("loader")).profile(profile);
  const auto dataset = types.open(run.section("loader"));
  training::require_samples(run, dataset.samples);
  const auto start = Clock::now();
  loader_ = dataset.make_loader(options);
  streams_ = dataset.has_indices ? 0 : options.num_streams();
  loader_->wait_ready();
  ready_s_ = seconds_since(start);
  bool is_empty = false;
  try {
    is_empty = loader_->size() == 0;
  } catch (const std::logic_error&) {
    // A stream that does not know its size: whether an epoch has a batch is seen when it is read.
  }
  if (is_empty)
    throw run.section("loader").error("an epoch has no batch: drop_last drops the only one; use a smaller batch_size");
}

Consumer::Taken Consumer::take() {
  Taken taken;
  const auto asked = Clock::now();
  auto batch = loader_->next();
  if (!batch) {
    ++counts_.epochs;
    taken.is_first_of_epoch = true;
    batch = loader_->next();
    if (!batch) fail_empty();
  }
  taken.next_s = seconds_since(asked);
  count(*batch);
  if (!step_) return taken;
  const auto start = Clock::now();
  step_(*batch);
  counts_.step_s += seconds_since(start);
  return taken;
}

void Consumer::count(const Batch& batch) {
  ++counts_.batches;
  counts_.samples += batch.size();
  for (const auto& column : batch.columns()) {
    counts_.bytes += std::visit([](const auto& value) { return bytes_of(value); }, column.value);
    if (read_ == Read::kAll) checksum_ += std::visit([](const auto& value) { return sum_of(value); }, column.value);
  }
}

// Such epochs would follow each other for ever.
void Consumer::fail_empty() const {
  const LoaderStats stats = loader_->stats();
  if (stats.skipped_samples == 0) throw std::runtime_error("an epoch had no sample");
  throw std::runtime_error("an epoch had no sample: none could be read, " + counted(stats.skipped_samples, "sample") +
                           (stats.skipped_samples == 1 ? " was" : " were") +
                           " left out so far, the last error: " + stats.last_error);
}

}  // namespace millrace::apps
