#include "millrace/loader/engine/verdict.h"

#include <algorithm>

namespace millrace {

Verdict judge(OnError policy, std::optional<size_t> row, std::span<const int64_t> indices,
              std::span<const int64_t> tried) {
  if (policy == OnError::kRaise || !row) return {};
  if (policy == OnError::kSkip) return {Verdict::Kind::kSkip};
  for (size_t step = 1; step < indices.size(); ++step) {
    const int64_t candidate = indices[(*row + step) % indices.size()];
    if (candidate != indices[*row] && std::ranges::find(tried, candidate) == tried.end())
      return {Verdict::Kind::kReplace, candidate};
  }
  return {};
}

}  // namespace millrace
