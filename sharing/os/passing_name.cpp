#include "millrace/sharing/os/passing_name.h"

#include <filesystem>
#include <system_error>

namespace millrace::detail {

void remove_passing_files(const std::string& folder, const std::function<bool(std::string_view name)>& is_own) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error); !error && entry != std::filesystem::end(entry);
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto behind = name_behind(name);
    std::error_code gone;
    if (behind && is_own(*behind)) std::filesystem::remove(entry->path(), gone);
  }
}

}  // namespace millrace::detail
