#include "millrace/packing/verify.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "millrace/packing/sources.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/pool/errors.h"
#include "millrace/sharing/pool/pool.h"
#include "millrace/surveys/place.h"

namespace millrace::packing {

std::vector<std::string> shards_to_verify(const std::string& path) {
  std::vector<std::string> tars = tar_files_at(path);
  std::error_code error;
  if (!std::filesystem::is_directory(detail::user_path(path), error)) return tars;
  const surveys::Place place = surveys::list_place(path);
  constexpr std::string_view kIndex = ".index";
  for (const std::string& index : place.files_ending({kIndex})) {
    const std::string tar = index.substr(0, index.size() - kIndex.size());
    if (tar.ends_with(".tar")) tars.push_back(place.below(tar));
  }
  std::sort(tars.begin(), tars.end());
  tars.erase(std::unique(tars.begin(), tars.end()), tars.end());
  return tars;
}

VerifyReport verify(const std::vector<std::string>& tars, int workers, const std::function<void(size_t)>& verified) {
  VerifyReport report;
  const int wanted = workers > 0 ? workers : processors().usable();
  multiprocessing::Pool pool(std::min(wanted, std::max(1, static_cast<int>(tars.size()))));
  auto found = pool.imap(find_tar_damage, tars);
  for (const std::string& tar : tars) {
    try {
      auto damages = *found.next();
      std::move(damages.begin(), damages.end(), std::back_inserter(report.damages));
    } catch (const multiprocessing::RemoteError& error) {
      report.damages.push_back({tar, {}, {}, 0, 0, error.message()});
    }
    if (const auto stamp = stamp_at(detail::user_path(tar))) report.bytes += stamp->size;
    verified(++report.shards);
  }
  return report;
}

}  // namespace millrace::packing
