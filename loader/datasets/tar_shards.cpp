#include "millrace/loader/datasets/tar_shards.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "millrace/loader/dataset.h"
#include "millrace/loader/datasets/brace_expansion.h"
#include "millrace/loader/datasets/litter.h"
#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/webdataset_name.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

/// Calls take(alternative) for "jpg", "jpeg", "png" of "jpg;jpeg;png", until it returns true.
template <class Take>
void for_alternatives(std::string_view alternatives, const Take& take) {
  for (size_t begin = 0; begin <= alternatives.size();) {
    const size_t end = std::min(alternatives.find(';', begin), alternatives.size());
    if (take(alternatives.substr(begin, end - begin))) return;
    begin = end + 1;
  }
}

/// A sample while its files are gathered.
struct KeyedFiles {
  std::string_view key;
  std::vector<std::pair<std::string, const TarMember*>> files;  // With their extensions.

  bool has(std::string_view extension) const {
    return std::ranges::any_of(files, [&](const auto& file) { return file.first == extension; });
  }
};

/// The samples of a shard in the order of their first files. Its files are read at random, so those of one key may lie
/// anywhere (tar without --sort=name packs them as the folder has them). A key that comes again with a file that its
/// last sample has is another sample, as in webdataset.
std::vector<KeyedFiles> group(const TarContents& contents, const std::string& path, detail::LeftOut& left_out) {
  std::vector<KeyedFiles> samples;
  std::unordered_map<std::string_view, size_t> last;  // Sample of each key.
  size_t before = SIZE_MAX;                           // The sample of the file before.
  for (const TarMember& member : contents.members) {
    if (detail::has_litter(member.name)) {
      left_out.add(member.name);
      continue;
    }
    std::optional<WebDatasetName> name = split_webdataset_name(member.name);
    if (!name) continue;
    const auto found = last.find(name->key);
    if (found != last.end() && found->second == before && samples[before].has(name->extension))
      throw TarError("tar: " + in_quotes(path) + " at byte " + std::to_string(member.offset) + ": sample " +
                     in_quotes(name->key) + " has two files " + in_quotes(name->extension) +
                     " (upper and lower case count as one), the second is " + in_quotes(member.name) +
                     "; repack the shard without it");
    const bool is_new = found == last.end() || samples[found->second].has(name->extension);
    before = is_new ? samples.size() : found->second;
    if (is_new) {
      samples.push_back({name->key, {}});
      last[name->key] = before;
    }
    samples[before].files.emplace_back(std::move(name->extension), &member);
  }
  return samples;
}

}  // namespace

TarShards::TarShards(const std::string& pattern) : TarShards(expand_shards(pattern)) {}

TarShards::TarShards(const std::vector<std::string>& given) {
  if (given.empty()) throw std::invalid_argument("TarShards: no tar files are given");
  std::vector<std::string> paths;
  std::ranges::transform(given, std::back_inserter(paths), detail::user_path);
  std::vector<uint64_t> first_files;
  std::vector<File> files;
  std::vector<std::string> keys, extensions;
  detail::LeftOut left_out;
  for (const std::string& path : paths) {
    const TarContents contents = open_tar_index(path);
    for (const KeyedFiles& sample : group(contents, path, left_out)) {
      keys.emplace_back(sample.key);
      first_files.push_back(files.size());
      for (const auto& [extension, member] : sample.files) {
        extensions.push_back(extension);
        files.push_back({member->offset, member->size});
      }
    }
    stamps_.push_back(contents.stamp);
    shard_ends_.push_back(keys.size());
  }
  first_files.push_back(files.size());
  paths_ = SharedStrings::make(paths);
  constexpr const char* kLabel = "samples of tar shards";
  first_files_ = detail::SharedBytes::of(kLabel, first_files);
  files_ = detail::SharedBytes::of(kLabel, files);
  keys_ = SharedStrings::make(keys);
  extensions_ = SharedStrings::make(extensions);
  left_out.tell("tar", paths.size() == 1 ? paths[0] : paths[0] + " and those after it, to " + paths.back());
}

std::vector<int64_t> TarShards::shard_sizes() const {
  std::vector<int64_t> sizes;
  uint64_t begin = 0;
  for (const uint64_t end : shard_ends_) sizes.push_back(static_cast<int64_t>(end - std::exchange(begin, end)));
  return sizes;
}

std::string_view TarShards::shard(size_t i) const { return paths_[shard_of(i)]; }

std::string_view TarShards::key(size_t i) const {
  detail::require_index("TarShards", i, size());
  return keys_[i];
}

std::vector<std::string_view> TarShards::extensions(size_t i) const {
  std::vector<std::string_view> all;
  const Range range = files_of(i);
  for (uint64_t file = range.first; file < range.last; ++file) all.push_back(extensions_[file]);
  return all;
}

std::optional<std::string_view> TarShards::find(size_t i, std::string_view alternatives) const {
  const std::optional<size_t> file = find_file(i, alternatives);
  return file ? std::optional(extensions_[*file]) : std::nullopt;
}

std::span<const std::byte> TarShards::bytes(size_t i, std::string_view alternatives) {
  const std::optional<size_t> found = find_file(i, alternatives);
  if (!found) {
    std::string there;
    for (const std::string_view extension : extensions(i)) there.append(" ").append(printable(extension));
    throw TarError("tar: sample " + in_quotes(describe(i)) + " has no file " + in_quotes(alternatives) + "; it has" +
                   there);
  }
  return read(i, *found);
}

std::optional<uint64_t> TarShards::length(size_t i, std::string_view alternatives) const {
  const std::optional<size_t> found = find_file(i, alternatives);
  if (!found) return std::nullopt;
  return files()[*found].size;
}

std::optional<TarPlace> TarShards::place(size_t i, std::string_view alternatives) const {
  const std::optional<size_t> found = find_file(i, alternatives);
  if (!found) return std::nullopt;
  const size_t shard = shard_of(i);
  return TarPlace{paths_[shard], stamps_[shard], files()[*found].offset, files()[*found].size};
}

Sample TarShards::get(size_t i) {
  Sample sample = {{"__key__", std::string(key(i))}, {"__url__", std::string(shard(i))}};
  const Range range = files_of(i);
  for (uint64_t file = range.first; file < range.last; ++file) {
    const auto bytes = read(i, file);
    sample[extensions_[file]] = std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return sample;
}

std::string TarShards::describe(size_t i) const { return std::string(shard(i)) + ": " + std::string(key(i)); }

std::span<const uint64_t> TarShards::first_files() const { return first_files_.as<uint64_t>(); }

std::span<const TarShards::File> TarShards::files() const { return files_.as<File>(); }

TarShards::Range TarShards::files_of(size_t i) const {
  detail::require_index("TarShards", i, size());
  // Copied before they are checked: whoever sent the tables may still be able to write to them.
  const Range range = {first_files()[i], first_files()[i + 1]};
  if (range.first > range.last || range.last > files().size())
    throw DecodeError("files of sample " + std::to_string(i) + " of tar shards lie outside their table");
  return range;
}

size_t TarShards::shard_of(size_t i) const {
  detail::require_index("TarShards", i, size());
  return static_cast<size_t>(std::upper_bound(shard_ends_.begin(), shard_ends_.end(), i) - shard_ends_.begin());
}

std::optional<size_t> TarShards::find_file(size_t i, std::string_view alternatives) const {
  const Range range = files_of(i);
  std::optional<size_t> found;
  for_alternatives(alternatives, [&](std::string_view alternative) {
    for (uint64_t file = range.first; !found && file < range.last; ++file)
      if (extensions_[file] == alternative) found = file;
    return found.has_value();
  });
  return found;
}

std::span<const std::byte> TarShards::read(size_t i, size_t file) {
  const size_t shard = shard_of(i);
  const File place = files()[file];  // A copy, as in files_of().
  if (place.size > stamps_[shard].size || place.offset > stamps_[shard].size - place.size)
    throw DecodeError("a file of sample " + std::to_string(i) + " of tar shards lies outside its shard");
  return reader_.read(shard, paths_[shard], stamps_[shard], place.offset, place.size);
}

void TarShards::check() const {
  const bool fits = paths_.size() == num_shards() && stamps_.size() == num_shards() && keys_.size() == size() &&
                    std::is_sorted(shard_ends_.begin(), shard_ends_.end()) &&
                    (num_shards() == 0 || first_files().size() == size() + 1) && files().size() == extensions_.size() &&
                    std::is_sorted(first_files().begin(), first_files().end()) &&
                    (num_shards() == 0 || first_files().back() == files().size());
  if (!fits) throw DecodeError("the tables of tar shards do not fit each other");
}

}  // namespace millrace
