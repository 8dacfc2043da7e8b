#include "millrace/loader/datasets/tar_sums.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "millrace/sharing/codec/crc32c.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

using Kind = TarRegion::Kind;

/// The place of a region's sum.
template <class Sums>
auto& sum_at(Sums& sums, const TarRegion& region) {
  switch (region.kind) {
    case Kind::kHeaders:
      return sums.files[region.member].headers;
    case Kind::kPayload:
      return sums.files[region.member].payload;
    case Kind::kPadding:
      return sums.files[region.member].padding;
    case Kind::kEnd:
      break;
  }
  return sums.end;
}

}  // namespace

std::vector<TarRegion> regions_of(const TarContents& contents) {
  std::vector<TarRegion> regions;
  uint64_t at = 0;
  for (size_t i = 0; i < contents.members.size(); ++i) {
    const TarMember& member = contents.members[i];
    if (member.offset < at || (member.offset == at && at > 0)) continue;  // A file has a header before its bytes.
    const uint64_t end = member.offset + member.size;
    regions.push_back({Kind::kHeaders, at, member.offset, i});
    regions.push_back({Kind::kPayload, member.offset, end, i});
    at = std::min(round_up(end, kTarBlock), contents.stamp.size);
    regions.push_back({Kind::kPadding, end, at, i});
  }
  regions.push_back({Kind::kEnd, at, contents.stamp.size, contents.members.size()});
  return regions;
}

uint32_t sum_of(const TarSums& sums, const TarRegion& region) { return sum_at(sums, region); }

uint32_t sum_region(int fd, const std::string& path, const TarRegion& region, std::string& buffer) {
  constexpr uint64_t kAtATime = 1 << 18;
  uint32_t sum = 0;
  for (uint64_t at = region.begin; at < region.end;) {
    buffer.resize(std::max<size_t>(buffer.size(), std::min(region.end - at, kAtATime)));
    const uint64_t wanted = std::min<uint64_t>(region.end - at, buffer.size());
    const auto got = MILLRACE_SYSCALL(::pread(fd, buffer.data(), wanted, static_cast<off_t>(at)), path, at);
    if (got == 0)
      throw TarError("tar: " + in_quotes(path) + " became shorter than byte " + std::to_string(region.end) +
                     " while it was read; let it be written, and try again");
    sum = crc32c(std::string_view(buffer).substr(0, static_cast<size_t>(got)), sum);
    at += static_cast<uint64_t>(got);
  }
  return sum;
}

TarSums sum_tar(int fd, const std::string& path, const TarContents& contents) {
  TarSums sums;
  sums.files.resize(contents.members.size());
  std::string buffer;
  for (const TarRegion& region : regions_of(contents)) sum_at(sums, region) = sum_region(fd, path, region, buffer);
  return sums;
}

}  // namespace millrace
