#include "millrace/packing/verify.h"

#include <algorithm>
#include <utility>

#include "millrace/sharing/os/processors.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/pool/errors.h"
#include "millrace/sharing/pool/pool.h"

namespace millrace::packing {

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
