#include "millrace/sharing/process/process_stat.h"

#include <fstream>
#include <sstream>
#include <string>

namespace millrace::detail {
namespace {

constexpr int kFieldsBetween = 48;  // State is the third field, the exit code the 52nd.

}  // namespace

std::optional<ProcessStat> process_stat(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text, '\0');  // Unlike the buffer's iterators it does not throw when the process goes meanwhile.
  const size_t name_end = text.rfind(')');  // The name may hold blanks and brackets itself.
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  ProcessStat stat;
  fields >> stat.state;
  std::string skipped;
  for (int i = 0; i < kFieldsBetween; ++i) fields >> skipped;
  fields >> stat.exit_code;
  if (!fields) return std::nullopt;
  return stat;
}

}  // namespace millrace::detail
