#include "millrace/apps/millrace/notice_words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "millrace/configs/yaml_words.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace::apps {
namespace {

constexpr std::string_view kOfLoader = "DataLoader: ";
constexpr std::string_view kLostSample = "a sample could not be read and was ";

// What a loader says to a program in C++, and what that is to people with a configuration. See loader/engine.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kWords{{
    {". Others are counted, and summed up at the end of their epoch",
     ". Others are counted; with loader.on_error: raise each is an error"},
    {". LoaderStats counts them", ""},
    {"DataLoaderOptions::", "loader."},
    {"its destructor has waited ", "it ends, and has waited "},
    {"wait_ready() has waited ", "it has waited "},
}};

bool sums_up_lost_samples(std::string_view said) {
  return said.starts_with("of the ") && said.find(" could not be read and w") != said.npos;
}

// Adds one to the number behind the word, if there is one.
void count_from_one(std::string& text, std::string_view word) {
  const size_t found = text.find(word);
  if (found == text.npos) return;
  const size_t begin = found + word.size();
  const auto is_digit = [](char c) { return std::isdigit(static_cast<uint8_t>(c)) != 0; };
  const auto end = std::find_if_not(text.begin() + static_cast<ptrdiff_t>(begin), text.end(), is_digit);
  const size_t length = static_cast<size_t>(end - text.begin()) - begin;
  if (const auto number = millrace::detail::whole_number<int64_t>(text.substr(begin, length)))
    text.replace(begin, length, std::to_string(*number + 1));
}

}  // namespace

bool is_of_lost_sample(std::string_view notice) {
  return notice.starts_with(kOfLoader) && notice.substr(kOfLoader.size()).starts_with(kLostSample);
}

std::optional<std::string> words_of_notice(std::string_view notice) {
  if (!notice.starts_with(kOfLoader)) return configs::in_yaml_words(std::string(notice));
  std::string said(notice.substr(kOfLoader.size()));
  if (sums_up_lost_samples(said)) return std::nullopt;
  for (const auto& [cpp, yaml] : kWords)
    if (const size_t found = said.find(cpp); found != said.npos) said.replace(found, cpp.size(), yaml);
  // Numbers stand before the first colon or comma; behind it are names of files and texts of errors.
  const size_t behind = std::min(said.find_first_of(":,("), said.size());
  std::string first = said.substr(0, behind);
  for (const char* word : {"batch ", "epoch "}) count_from_one(first, word);
  return configs::in_yaml_words(std::string(kOfLoader) + first + said.substr(behind));
}

}  // namespace millrace::apps
