#include "millrace/loader/images/datasets/shard_classes.h"

#include <cstddef>
#include <exception>
#include <filesystem>
#include <set>
#include <sstream>
#include <stdexcept>

#include "millrace/loader/datasets/plain_text.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;  // Of names of classes, of which a million has fewer.

std::vector<std::string> names_in(const std::filesystem::path& path) {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) return {};
  std::vector<std::string> names;
  try {
    std::istringstream lines{std::string(detail::plain_text(detail::read_regular(path.string(), kMostBytes)))};
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with('\r')) line.pop_back();
      names.push_back(line);
    }
  } catch (const std::exception& error) {
    throw std::runtime_error("tar: the names of classes in " + in_quotes(path.string()) +
                             " cannot be read: " + error.what());
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  std::set<std::string> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string line = "tar: " + in_quotes(path.string()) + ":" + std::to_string(i + 1);
    if (names[i].empty()) throw std::runtime_error(line + " is empty; write the name of a class in each line");
    if (!seen.insert(names[i]).second)
      throw std::runtime_error(line + " has " + in_quotes(names[i]) + " again; give each class a name of its own");
  }
  return names;
}

}  // namespace

std::vector<std::string> classes_beside(const std::vector<std::string>& shards) {
  std::set<std::filesystem::path> folders;
  for (const std::string& shard : shards) folders.insert(std::filesystem::path(detail::user_path(shard)).parent_path());
  std::set<std::vector<std::string>> found;
  for (const auto& folder : folders) found.insert(names_in(folder / kShardClasses));
  return found.size() == 1 ? *found.begin() : std::vector<std::string>();
}

}  // namespace millrace
