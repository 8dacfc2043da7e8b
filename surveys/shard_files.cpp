#include "millrace/surveys/shard_files.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <stdexcept>
#include <string_view>

#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/images/datasets/shard_classes.h"
#include "millrace/loader/images/decode.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"
#include "millrace/surveys/picture_headers.h"

namespace millrace::surveys {
namespace {

constexpr const char* kPictures = "jpg;jpeg;png";
constexpr size_t kHeaders = 1000;  // A picture in a shard is read whole for its header.

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// The last number in a text: where it begins and ends.
struct Digits {
  size_t begin = 0, end = 0;
};

Digits last_digits(const std::string& text) {
  Digits digits;
  digits.end = text.size();
  while (digits.end > 0 && !is_digit(text[digits.end - 1])) --digits.end;
  digits.begin = digits.end;
  while (digits.begin > 0 && is_digit(text[digits.begin - 1])) --digits.begin;
  return digits;
}

// Whether each is the one before with the next number, of as many digits.
bool are_numbered(const std::vector<std::string>& paths, const Digits& at) {
  const std::string& first = paths.front();
  const size_t length = at.end - at.begin;
  const auto begin = detail::whole_number<uint64_t>(std::string_view(first).substr(at.begin, length));
  if (length == 0 || length > 12 || !begin) return false;
  for (size_t i = 0; i < paths.size(); ++i) {
    std::string number = std::to_string(*begin + i);
    if (number.size() < length) number.insert(0, length - number.size(), '0');
    if (paths[i] != first.substr(0, at.begin) + number + first.substr(at.end)) return false;
  }
  return true;
}

bool says_test(const std::string& name) {
  for (const char* word : {"test", "val", "eval"})
    if (name.find(word) != name.npos) return true;
  return false;
}

int64_t label_of(TarShards& shards, size_t i) {
  const auto bytes = shards.bytes(i, "cls");
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  const auto label = detail::whole_number<int64_t>(text);
  if (!label || *label < 0)
    throw std::runtime_error(shards.describe(i) + ": its label is " + in_quotes(text) + ", which is no class from 0");
  return *label;
}

void require_pictures(const TarShards& shards, const std::string& pattern) {
  if (shards.size() == 0) throw std::runtime_error(in_quotes(pattern) + " has no samples");
  if (shards.find(0, kPictures) && shards.find(0, "cls")) return;
  std::string files;
  for (const auto extension : shards.extensions(0)) files += (files.empty() ? "" : ", ") + in_quotes(extension);
  throw std::runtime_error(
      in_quotes(pattern) + " has " + counted(shards.size(), "sample") + " of the files " + files +
      ": training would need a picture (jpg, jpeg, png) and a class from 0 (cls) in each; a program "
      "of your own reads other files by TarShards");
}

std::vector<Line> shard_keys(const std::string& pattern) {
  return {{"type: tar_images", "Pictures in tar shards, read in place."},
          {"shards: " + yaml_text(pattern), "From the directory that the program is started in."}};
}

}  // namespace

std::string shards_pattern(const std::vector<std::string>& paths) {
  const std::string& first = paths.front();
  const Digits at = last_digits(first);
  if (paths.size() > 1 && are_numbered(paths, at)) {
    const std::string& last = paths.back();
    const auto number = [&](const std::string& path) { return path.substr(at.begin, at.end - at.begin); };
    return first.substr(0, at.begin) + "{" + number(first) + ".." + number(last) + "}" + first.substr(at.end);
  }
  std::string pattern;
  for (const auto& path : paths) pattern += (pattern.empty() ? "" : "::") + path;
  return pattern;
}

std::optional<Survey> survey_shards(const Place& place, const Looked& looked) {
  std::vector<std::string> train, test;
  for (const auto& name : place.files_ending({".tar"})) (says_test(name) ? test : train).push_back(place.below(name));
  if (train.empty()) std::swap(train, test);
  if (train.empty()) return std::nullopt;
  const std::string pattern = shards_pattern(train);
  TarShards shards(pattern);
  require_pictures(shards, pattern);
  int64_t largest = 0;
  for (size_t i = 0; i < shards.size(); ++i) largest = std::max(largest, label_of(shards, i));
  Survey survey;
  survey.samples = static_cast<int64_t>(shards.size());
  const auto names = classes_beside(train);
  const bool has_names = largest < std::ssize(names);
  if (!has_names) survey.classes = largest + 1;
  survey.seen.push_back(in_quotes(pattern) + ": " + counted(survey.samples, "picture") + " in " +
                        counted(train.size(), "shard") + ", " +
                        (has_names ? "in " + counted(std::ssize(names), "class") + ", whose names " +
                                         in_quotes(kShardClasses) + " beside them has"
                                   : "with labels 0 to " + std::to_string(largest)));
  if (!has_names && !names.empty())
    throw std::runtime_error(in_quotes(pattern) + " has labels 0 to " + std::to_string(largest) + ", where " +
                             in_quotes(kShardClasses) + " beside them names " + counted(std::ssize(names), "class") +
                             ": add the others, or move that file away");
  const size_t step = 1 + shards.size() / kHeaders;
  image::ImageDecoder decoder;
  note_headers(look_at_headers(
                   static_cast<int64_t>((shards.size() + step - 1) / step),
                   [&](size_t i) { return decoder.open(shards.bytes(i * step, kPictures), {}); },
                   [&](size_t i) { return shards.describe(i * step); }, looked),
               survey);
  survey.dataset = shard_keys(pattern);
  if (test.empty()) return survey;
  survey.test = shard_keys(shards_pattern(test));
  survey.seen.push_back(in_quotes(shards_pattern(test)) + " to test with");
  return survey;
}

}  // namespace millrace::surveys
