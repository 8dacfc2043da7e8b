#include <string>
#include <vector>

#include "millrace/apps/millrace/front/host_checks.h"

namespace millrace::apps {
namespace {

constexpr const char* kFolder = "/sys/kernel/mm/transparent_hugepage/";

// "never" from "always within_size advise [never] deny force".
std::string chosen(const std::string& line) {
  const size_t open = line.find('[');
  const size_t close = line.find(']', open);
  return open == line.npos || close == line.npos ? "" : line.substr(open + 1, close - open - 1);
}

std::string shown_setting(const std::string& setting) { return setting.empty() ? "not known here" : setting; }

Check check_shared(const std::string& root) {
  const std::string setting = chosen(first_line(root + kFolder + "shmem_enabled"));
  if (setting == "advise" || setting == "always" || setting == "force" || setting == "within_size")
    return {"huge pages", Verdict::kOk, "shared memory gets them (" + setting + ")", "", false};
  return {"huge pages", Verdict::kLimited, "shared memory gets none (" + shown_setting(setting) + ")",
          std::string("Batches are written somewhat faster after, as root on the host: echo advise > ") + kFolder +
              "shmem_enabled; at each start, in /etc/tmpfiles.d/millrace.conf: w " + kFolder +
              "shmem_enabled - - - - advise",
          false};
}

// What the trainer and the decoders ask the allocator for.
Check check_private(const std::string& root) {
  const std::string setting = chosen(first_line(root + kFolder + "enabled"));
  if (setting == "madvise" || setting == "always")
    return {"huge pages, private", Verdict::kOk, "programs get them (" + setting + ")", "", false};
  return {
      "huge pages, private", Verdict::kLimited, "programs get none (" + shown_setting(setting) + ")",
      std::string("Large tensors cost fewer misses after, as root on the host: echo madvise > ") + kFolder + "enabled",
      false};
}

}  // namespace

std::vector<Check> check_huge_pages(const std::string& root) { return {check_shared(root), check_private(root)}; }

}  // namespace millrace::apps
