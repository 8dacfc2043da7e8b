#include "millrace/apps/millrace/bench/latencies.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace::apps {
namespace {

constexpr double kNanosecond = 1e-9, kLongest = 86'400;

}  // namespace

// Numbers below 2 * kSteps have a bucket each. Of longer ones the kBits behind the highest bit count.
size_t Latencies::bucket_of(uint64_t ns) {
  if (ns < 2 * kSteps) return ns;
  const int octave = std::bit_width(ns) - 1 - kBits;
  return kSteps * static_cast<size_t>(octave) + (ns >> octave);
}

double Latencies::middle_of(size_t bucket) const {
  double ns = static_cast<double>(bucket);
  if (bucket >= 2 * kSteps) {
    const size_t octave = bucket / kSteps - 1;
    const uint64_t first = static_cast<uint64_t>(kSteps + bucket % kSteps) << octave;
    ns = static_cast<double>(first) + 0.5 * static_cast<double>((uint64_t{1} << octave) - 1);
  }
  return kNanosecond * std::clamp(ns, static_cast<double>(shortest_ns_), static_cast<double>(longest_ns_));
}

void Latencies::add(double seconds) {
  const auto ns = static_cast<uint64_t>(std::llround(std::clamp(seconds, 0.0, kLongest) / kNanosecond));
  ++counts_[bucket_of(ns)];
  ++count_;
  shortest_ns_ = std::min(shortest_ns_, ns);
  longest_ns_ = std::max(longest_ns_, ns);
}

void Latencies::add(const Latencies& others) {
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket) counts_[bucket] += others.counts_[bucket];
  count_ += others.count_;
  shortest_ns_ = std::min(shortest_ns_, others.shortest_ns_);
  longest_ns_ = std::max(longest_ns_, others.longest_ns_);
}

double Latencies::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_))));
  if (rank >= count_) return longest();
  uint64_t seen = 0;
  size_t bucket = 0;
  while ((seen += counts_[bucket]) < rank) ++bucket;
  return middle_of(bucket);
}

double Latencies::longest() const { return kNanosecond * static_cast<double>(longest_ns_); }

std::vector<Latencies::Bucket> Latencies::buckets() const {
  std::vector<Bucket> buckets;
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket)
    if (counts_[bucket] > 0) buckets.push_back({middle_of(bucket), counts_[bucket]});
  return buckets;
}

}  // namespace millrace::apps
