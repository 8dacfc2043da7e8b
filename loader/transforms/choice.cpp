#include "millrace/loader/transforms/choice.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "millrace/loader/transforms/checks.h"
#include "millrace/loader/transforms/transforms.h"

namespace millrace::transforms {
namespace {

void check_shape_stays(const char* who, const Chain& chain) {
  if (chain.keeps_shape()) return;
  throw std::invalid_argument(std::string(who) + ": a batch's shape and type cannot depend on chance, so " +
                              to_string(chain) + " must be a step of its own, outside");
}

}  // namespace

RandomApply::RandomApply(Chain steps, double probability) : chain{std::move(steps)}, p(probability) {
  check_shape_stays("RandomApply", chain.front());
  check_probability("RandomApply", p);
}

bool RandomApply::operator==(const RandomApply& other) const { return chain == other.chain && p == other.p; }

RandomChoice::RandomChoice(std::vector<Chain> alternatives, std::vector<double> weights)
    : chains(std::move(alternatives)), p(std::move(weights)) {
  if (chains.empty()) throw std::invalid_argument("RandomChoice: no chains to choose from");
  for (const Chain& chain : chains) check_shape_stays("RandomChoice", chain);
  if (p.empty()) p.assign(chains.size(), 1.0);
  const bool valid =
      std::all_of(p.begin(), p.end(), [](double weight) { return weight >= 0 && std::isfinite(weight); });
  if (p.size() != chains.size() || !valid || !(std::accumulate(p.begin(), p.end(), 0.0) > 0)) {
    throw std::invalid_argument("RandomChoice: p must be " + std::to_string(chains.size()) +
                                " numbers of at least 0, not all 0, one for each chain; got " +
                                std::to_string(p.size()));
  }
}

size_t RandomChoice::draw(SampleRng& rng) const {
  double left = rng.uniform(0, std::accumulate(p.begin(), p.end(), 0.0));
  size_t i = 0;
  while (i + 1 < p.size() && left >= p[i]) left -= p[i++];
  return i;
}

bool RandomChoice::operator==(const RandomChoice& other) const { return chains == other.chains && p == other.p; }

}  // namespace millrace::transforms
