#include "millrace/samplers/class_balanced_sampler.h"

#include <map>
#include <stdexcept>
#include <string>

#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/scatter.h"

namespace millrace {
namespace {

// The purposes of keys, so that the order of classes and the orders within them have nothing in common.
enum Draw : uint64_t { kClasses, kMembers };

}  // namespace

ClassBalancedSampler::ClassBalancedSampler(std::span<const int64_t> labels, ClassBalancedSamplerOptions options)
    : num_samples_(options.num_samples.value_or(std::ssize(labels))), seed_(options.seed) {
  if (labels.empty()) throw std::invalid_argument("ClassBalancedSampler: there are no labels");
  if (num_samples_ <= 0)
    throw std::invalid_argument(
        "ClassBalancedSampler: num_samples should be a positive integer value, but got "
        "num_samples=" +
        std::to_string(num_samples_));
  std::map<int64_t, std::vector<int64_t>> classes;
  for (size_t i = 0; i < labels.size(); ++i) classes[labels[i]].push_back(static_cast<int64_t>(i));
  members_.reserve(labels.size());
  for (const auto& [label, samples] : classes) {
    members_.insert(members_.end(), samples.begin(), samples.end());
    class_ends_.push_back(std::ssize(members_));
  }
}

std::span<const int64_t> ClassBalancedSampler::members(int64_t of_class) const {
  const auto c = static_cast<size_t>(of_class);
  const int64_t first = c == 0 ? 0 : class_ends_[c - 1];
  return std::span(members_).subspan(static_cast<size_t>(first), static_cast<size_t>(class_ends_[c] - first));
}

std::optional<int64_t> ClassBalancedSampler::next() {
  if (at_.position == num_samples_) return std::nullopt;
  const int64_t round = at_.position / num_classes();
  const int64_t turn = at_.position % num_classes();
  ++at_.position;
  const uint64_t of_epoch = scatter(seed_, static_cast<uint64_t>(at_.epoch));
  const KeyedPermutation classes(num_classes(), scatter(of_epoch, kClasses, static_cast<uint64_t>(round)));
  const int64_t chosen = classes(turn);
  // Each class has one turn a round, so this is its turn number `round`.
  const auto samples = members(chosen);
  const auto pass = static_cast<uint64_t>(round / std::ssize(samples));
  const KeyedPermutation order(std::ssize(samples),
                               scatter(scatter(of_epoch, kMembers), pass, static_cast<uint64_t>(chosen)));
  return samples[static_cast<size_t>(order(round % std::ssize(samples)))];
}

void ClassBalancedSampler::load_state(const SamplerState& state) {
  require_position("ClassBalancedSampler", state.position, num_samples_);
  at_ = {state.epoch, state.position};
}

}  // namespace millrace
