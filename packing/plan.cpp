#include "millrace/packing/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <type_traits>

#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/samplers/keyed_permutation.h"
#include "millrace/sharing/codec/fnv.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::packing {
namespace {

// What a shard of the same plan looks like may change with the program: then this does.
constexpr uint64_t kPlanVersion = 2;

/// Sums values one behind the other, texts with their lengths.
class PlanSum {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  void add(T value) {
    sum_ = fnv1a(std::as_bytes(std::span(&value, 1)), sum_);
  }

  void add(const std::string& text) {
    add(text.size());
    sum_ = fnv1a(std::as_bytes(std::span(text)), sum_);
  }

  void add(const SourceSample& sample) {
    add(sample.key);
    add(sample.files.size());
    for (const SourceFile& file : sample.files) {
      add(file.extension);
      add(file.text);
      add(file.stamp.size);
      add(file.stamp.mtime);
      add(file.offset);
      add(file.size);
    }
  }

  /// Never 0, which says that there is no plan.
  uint64_t value() const { return sum_ == 0 ? 1 : sum_; }

 private:
  uint64_t sum_ = kFnvBegin;
};

uint64_t bytes_in_shard(const SourceSample& sample) {
  uint64_t bytes = 0;
  for (const SourceFile& file : sample.files)
    bytes += TarShardWriter::file_bytes(sample.key + "." + file.extension, file.size);
  return bytes;
}

/// The samples of each split, in the order of their shards.
std::vector<std::vector<size_t>> share_out(size_t count, const PlanOptions& options) {
  const KeyedPermutation mixed(static_cast<int64_t>(count), options.seed);
  std::vector<std::vector<size_t>> parts;
  double up_to = 0;
  size_t begin = 0;
  for (const Split& split : options.splits) {
    up_to += split.fraction;
    const bool is_last = &split == &options.splits.back();
    const size_t end =
        is_last ? count : std::min(count, static_cast<size_t>(std::llround(up_to * static_cast<double>(count))));
    if (end <= begin)
      throw std::invalid_argument("pack: of " + counted(count, "sample") + " the split " + in_quotes(split.name) +
                                  " would get none: give it a larger fraction, or leave it out");
    std::vector<size_t>& part = parts.emplace_back();
    for (; begin < end; ++begin) part.push_back(static_cast<size_t>(mixed(static_cast<int64_t>(begin))));
    if (options.order == PackOrder::kOfSource) std::sort(part.begin(), part.end());
  }
  return parts;
}

/// Puts the samples of one split into shards.
class Cutter {
 public:
  Cutter(const SampleList& samples, const PlanOptions& options, Plan& plan, size_t split)
      : samples_(samples), options_(options), plan_(plan), split_(split) {}

  void cut(const std::vector<size_t>& part) {
    for (const size_t i : part) take(i);
    end_shard();
  }

 private:
  void take(size_t i) {
    const SourceSample sample = samples_[i];
    const uint64_t bytes = bytes_in_shard(sample);
    if (!shard_.samples.empty() &&
        (shard_.samples.size() == options_.shard_samples || bytes_ + bytes > options_.shard_bytes))
      end_shard();
    if (shard_.samples.empty()) begin_shard();
    shard_.samples.push_back(i);
    sum_.add(sample);
    bytes_ += bytes;
  }

  void begin_shard() {
    const std::string& name = plan_.splits[split_].name;
    std::string digits = std::to_string(number_);
    if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
    const std::string begin = plan_.folder + "/" + name + "-";
    shard_ = {begin + "%06d.tar", number_, begin + digits + ".tar", split_, {}, 0};
    ++number_;
    bytes_ = TarShardWriter::kShardBytes;
    sum_ = PlanSum();
    sum_.add(kPlanVersion);
    if (const auto& resize = options_.resize) {
      sum_.add(resize->height);
      sum_.add(resize->width);
      sum_.add(resize->quality);
    }
  }

  void end_shard() {
    shard_.sum = sum_.value();
    plan_.shards.push_back(std::move(shard_));
    shard_ = {};
  }

  static constexpr size_t kDigits = 6;

  const SampleList& samples_;
  const PlanOptions& options_;
  Plan& plan_;
  size_t split_;
  uint64_t number_ = 0;
  PlannedShard shard_;
  PlanSum sum_;
  uint64_t bytes_ = 0;
};

Split read_split(std::string_view text) {
  const size_t equals = text.find('=');
  Split split{std::string(text.substr(0, equals)), 0};
  const std::string number(equals == text.npos ? "" : text.substr(equals + 1));
  char* end = nullptr;
  split.fraction = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0' || !(split.fraction > 0 && split.fraction <= 1))
    throw std::invalid_argument("the split " + in_quotes(text) + " is no name with a fraction, such as train=0.9");
  if (split.name.empty() || split.name.starts_with('.') || split.name.find_first_of("/%{}:") != split.name.npos)
    throw std::invalid_argument("the split " + in_quotes(split.name) +
                                " cannot be a part of a shard's name: use letters and digits");
  return split;
}

}  // namespace

std::vector<Split> read_splits(std::string_view text) {
  std::vector<Split> splits;
  double sum = 0;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    splits.push_back(read_split(text.substr(begin, end - begin)));
    for (size_t i = 0; i + 1 < splits.size(); ++i)
      if (splits[i].name == splits.back().name)
        throw std::invalid_argument("the split " + in_quotes(splits.back().name) + " comes twice");
    sum += splits.back().fraction;
    begin = end + 1;
  }
  constexpr double kRounding = 1e-6;
  if (std::abs(sum - 1) > kRounding)
    throw std::invalid_argument("the fractions of " + in_quotes(text) + " add up to " + std::to_string(sum) +
                                " and not to 1");
  return splits;
}

Plan make_plan(const SampleList& samples, const std::string& folder, const PlanOptions& options) {
  if (options.shard_bytes == 0 || options.shard_samples == 0)
    throw std::invalid_argument("pack: the most bytes and the most samples of a shard must be positive");
  if (samples.size() == 0) throw std::invalid_argument("pack: there are no samples");
  Plan plan{detail::user_path(folder), options.resize, options.splits, {}};
  const auto parts = share_out(samples.size(), options);
  for (size_t split = 0; split < parts.size(); ++split) Cutter(samples, options, plan, split).cut(parts[split]);
  return plan;
}

}  // namespace millrace::packing
