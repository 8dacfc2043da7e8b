#include "millrace/loader/datasets/tar_damage.h"

#include <cstddef>
#include <optional>
#include <string_view>

#include "millrace/loader/datasets/tar_index.h"
#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/loader/datasets/tar_sums.h"
#include "millrace/loader/datasets/webdataset_name.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

std::string_view name_of(TarRegion::Kind kind) {
  switch (kind) {
    case TarRegion::Kind::kHeaders:
      return "the headers before it are";
    case TarRegion::Kind::kPayload:
      return "its bytes are";
    case TarRegion::Kind::kPadding:
      return "the padding behind it is";
    case TarRegion::Kind::kEnd:
      break;
  }
  return "the end of the archive is";
}

TarDamage damage_of(const std::string& tar, const TarContents& contents, const TarRegion& region) {
  TarDamage damage{tar, {}, {}, region.begin, region.end, {}};
  if (region.kind != TarRegion::Kind::kEnd) {
    damage.file = contents.members[region.member].name;
    if (const auto name = split_webdataset_name(damage.file)) damage.sample = name->key;
  }
  damage.what = std::string(name_of(region.kind)) + " not what was written; copy the shard again or pack it again";
  return damage;
}

}  // namespace

std::string to_string(const TarDamage& damage) {
  std::string text = in_quotes(damage.tar);
  if (damage.end > 0) text += " from byte " + std::to_string(damage.begin) + " to " + std::to_string(damage.end);
  if (!damage.sample.empty()) text += ", sample " + in_quotes(damage.sample);
  if (!damage.file.empty()) text += ", file " + in_quotes(damage.file);
  return text + ": " + damage.what;
}

std::vector<TarDamage> find_tar_damage(const std::string& given) {
  const std::string tar = detail::user_path(given);
  const OwnedFd file = open_tar(tar);
  const std::optional<TarIndex> index = load_tar_index(tar);
  const auto whole = [](const std::string& path, const std::string& what) {
    return std::vector<TarDamage>{{path, {}, {}, 0, 0, what}};
  };
  if (!index)
    return whole(tar_index_path(tar),
                 "no index, a damaged one or one of another version, so that nothing is known of the shard; copy it "
                 "again together with the shard, or pack the shard again");
  if (!index->sums)
    return whole(tar_index_path(tar),
                 "no sums in this index, since it was made of the shard's headers alone; pack the shard again to have "
                 "them");
  const uint64_t size = stamp_of(file.get(), tar).size, written = index->contents.stamp.size;
  if (size != written)
    return whole(tar, "it has " + std::to_string(size) + " bytes and was written with " + std::to_string(written) +
                          "; copy the shard again or pack it again");
  std::vector<TarDamage> damages;
  std::string buffer;
  for (const TarRegion& region : regions_of(index->contents))
    if (sum_region(file.get(), tar, region, buffer) != sum_of(*index->sums, region))
      damages.push_back(damage_of(tar, index->contents, region));
  return damages;
}

}  // namespace millrace
