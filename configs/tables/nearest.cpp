#include "millrace/configs/tables/nearest.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "millrace/configs/tables/synonyms.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {
namespace {

// Letters that make a part of a name telling.
constexpr size_t kShortestPart = 4;

// Slips of the pen that turn one word into the other: a letter too many, one too few, a wrong one, two in the wrong
// order. Case, and - for _, cost nothing.
size_t distance(std::string_view a, std::string_view b) {
  const auto same = [&](size_t i, size_t j) {
    const auto plain = [](char c) { return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<uint8_t>(c))); };
    return plain(a[i]) == plain(b[j]);
  };
  std::vector<size_t> two_above;
  std::vector<size_t> above;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    two_above = std::exchange(above, std::exchange(row, std::vector<size_t>(b.size() + 1)));
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({above[j + 1] + 1, row[j] + 1, above[j] + (same(i, j) ? 0 : 1)});
      const bool swapped = i > 0 && j > 0 && same(i, j - 1) && same(i - 1, j);
      if (swapped) row[j + 1] = std::min(row[j + 1], two_above[j - 1] + 1);
    }
  }
  return row.back();
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The candidate of which `word` is a slip of the pen: a third of the letters may be wrong, and one of a short word's.
std::optional<std::string> slip_of(std::string_view word, const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const size_t d = distance(word, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace

std::optional<std::string> same_name(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string name = folded(word);
  for (const auto& candidate : candidates)
    if (folded(candidate) == name) return candidate;
  return std::nullopt;
}

std::optional<std::string> other_name_of(std::string_view word, const std::vector<std::string>& candidates) {
  if (auto same = same_name(word, candidates)) return same;
  for (const auto& ours : synonyms(word))
    if (contains(candidates, ours)) return ours;
  // RandomSampler, NpyDataset.
  const std::string name = folded(word);
  for (const std::string_view kind : {"sampler", "dataset"})
    if (name.ends_with(kind)) return same_name(name.substr(0, name.size() - kind.size()), candidates);
  return std::nullopt;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (auto other = other_name_of(word, candidates)) return other;
  if (auto slip = slip_of(word, candidates)) return slip;
  // Or half of the name was left out: "decay".
  if (word.size() >= kShortestPart)
    for (const auto& candidate : candidates)
      if (candidate.find(word) != std::string::npos) return candidate;
  return std::nullopt;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const auto meant = nearest(word, candidates);
  return meant ? ", did you mean " + printable(*meant) + "?" : "";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + printable(word);
  return text;
}

}  // namespace millrace::configs
