#include "millrace/surveys/place.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "millrace/loader/datasets/litter.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::surveys {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

const std::vector<std::string_view>& train_names() {
  static const std::vector<std::string_view> names{"train", "training"};
  return names;
}

const std::vector<std::string_view>& test_names() {
  static const std::vector<std::string_view> names{"test", "testing", "val", "valid", "validation", "eval", "dev"};
  return names;
}

std::optional<std::string> Place::folder(std::string_view name) const {
  const std::string wanted = lower(std::string(name));
  const auto found = std::ranges::find(folders, wanted, lower);
  return found == folders.end() ? std::nullopt : std::optional(*found);
}

std::vector<std::string> Place::files_ending(const std::vector<std::string_view>& endings) const {
  std::vector<std::string> found;
  for (const std::string& name : files)
    if (std::find(endings.begin(), endings.end(), lower(fs::path(name).extension().string())) != endings.end())
      found.push_back(name);
  return found;
}

Place list_place(const std::string& path) {
  Place place;
  place.path = path;
  std::error_code error;
  fs::directory_iterator entry(detail::user_path(path), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (detail::is_litter(name)) continue;
    std::error_code no_status;  // A dangling link is no directory.
    (entry->is_directory(no_status) ? place.folders : place.files).push_back(name);
  }
  if (error) throw std::runtime_error("cannot list " + in_quotes(path) + ": " + error.message());
  std::sort(place.folders.begin(), place.folders.end());
  std::sort(place.files.begin(), place.files.end());
  return place;
}

std::optional<Parts> parts_of(const Place& place) {
  for (const auto name : train_names()) {
    const auto train = place.folder(name);
    if (!train) continue;
    Parts parts{place.below(*train), std::nullopt};
    for (const auto other : test_names())
      if (const auto test = place.folder(other); test && !parts.test) parts.test = place.below(*test);
    return parts;
  }
  return std::nullopt;
}

std::optional<std::string> test_name_of(const std::string& train, const std::vector<std::string>& names) {
  for (const auto word : train_names()) {
    const size_t at = lower(train).rfind(word);
    if (at == std::string::npos) continue;
    for (const auto test : test_names()) {
      const std::string wanted = lower(std::string(train).replace(at, word.size(), test));
      const auto found = std::ranges::find(names, wanted, lower);
      if (found != names.end()) return *found;
    }
  }
  return std::nullopt;
}

std::string yaml_text(const std::string& text) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '/' || c == '.' || c == '-';
  };
  const bool has_letter = std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
  const bool is_word = lower(text) == "true" || lower(text) == "false" || lower(text) == "null" ||
                       lower(text) == "yes" || lower(text) == "no" || lower(text) == "on" || lower(text) == "off" ||
                       lower(text) == "y" || lower(text) == "n";
  if (has_letter && !is_word && std::all_of(text.begin(), text.end(), is_plain) && text.front() != '-' &&
      !(std::isdigit(static_cast<unsigned char>(text.front())) != 0 || text.front() == '.'))
    return text;
  if (text.find("${") != std::string::npos)
    throw std::runtime_error(in_quotes(text) + " has ${ in it, which stands for another value in YAML: rename it");
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      throw std::runtime_error(in_quotes(text) + " has a control character in it: rename it");
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace millrace::surveys
