#include "millrace/loader/images/transforms/random_choice.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace millrace::transforms {

RandomChoice::RandomChoice(std::vector<Chain> alternatives, std::vector<double> weights)
    : chains(std::move(alternatives)), p(std::move(weights)) {
  check();
}

void RandomChoice::check() {
  if (chains.empty()) throw std::invalid_argument("RandomChoice: no chains to choose from");
  for (const Chain& chain : chains) require_kept_shape(kName, chain);
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

void RandomChoice::apply(Pixels& picture, SampleRng& rng) const { chains[draw(rng)].apply(picture, rng); }

}  // namespace millrace::transforms
