#include "millrace/packing/found_shards.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/webdataset_name.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/surveys/place.h"

namespace millrace::packing {
namespace {

bool is_numbered(std::string_view name, const std::string& split) {
  const std::string begin = split + "-";
  constexpr std::string_view kEnding = ".tar";
  if (!name.starts_with(begin) || !name.ends_with(kEnding)) return false;
  name.remove_prefix(begin.size());
  name.remove_suffix(kEnding.size());
  return !name.empty() && name.find_first_not_of("0123456789") == name.npos;
}

/// The samples of a shard that are not in it.
std::vector<BrokenSample> left_out(const PlannedShard& shard, const SampleList& samples, const TarContents& contents) {
  std::set<std::string_view> there;
  for (const TarMember& member : contents.members)
    if (const auto name = split_webdataset_name(member.name)) there.insert(name->key);
  std::vector<BrokenSample> missing;
  for (const size_t i : shard.samples) {
    std::string key = samples[i].key;
    if (!there.contains(key)) missing.push_back({std::move(key), "it was left out when its shard was written"});
  }
  return missing;
}

}  // namespace

std::optional<WrittenShard> find_shard(const PlannedShard& shard, const SampleList& samples) {
  const auto stamp = stamp_at(shard.path);
  if (!stamp) return std::nullopt;
  const auto index = load_tar_index(shard.path);
  if (!index || index->plan != shard.sum || index->contents.stamp != *stamp) return std::nullopt;
  WrittenShard found{true, 0, stamp->size, left_out(shard, samples, index->contents)};
  found.samples = shard.samples.size() - found.broken.size();
  return found;
}

std::optional<std::string> find_other_shard(const Plan& plan) {
  std::set<std::string> planned;
  for (const PlannedShard& shard : plan.shards) planned.insert(shard.path);
  const surveys::Place place = surveys::list_place(plan.folder);
  for (const std::string& name : place.files) {
    const auto is_of_split = [&](const Split& split) { return is_numbered(name, split.name); };
    if (std::any_of(plan.splits.begin(), plan.splits.end(), is_of_split) && !planned.contains(place.below(name)))
      return place.below(name);
  }
  return std::nullopt;
}

}  // namespace millrace::packing
