#include "millrace/configs/tables/key.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace millrace::configs::tables {

std::vector<std::string> split_words(std::string_view words) {
  constexpr std::string_view kBetween = ", ";
  std::vector<std::string> split;
  for (size_t end = 0; !words.empty(); words.remove_prefix(std::min(words.size(), end + kBetween.size()))) {
    end = std::min(words.find(kBetween), words.size());
    split.emplace_back(words.substr(0, end));
  }
  return split;
}

std::string within_sentence(std::string_view sentence) {
  std::string text(sentence.substr(0, sentence.size() - (sentence.ends_with('.') ? 1 : 0)));
  if (!text.empty()) text.front() = static_cast<char>(std::tolower(static_cast<uint8_t>(text.front())));
  return text;
}

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(int64_t value) { return std::to_string(value); }
std::string text_of(uint64_t value) { return std::to_string(value); }

std::string text_of(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

std::string text_of(const std::string& value) { return value.empty() ? "''" : value; }
std::string text_of(const InnerSampler& /*value*/) { return "sequential"; }
std::string text_of(const InnerDataset& /*value*/) { return ""; }
std::string text_of(const InnerDatasets& /*value*/) { return "[]"; }

}  // namespace millrace::configs::tables
