#include "millrace/records/run_log.h"

#include <array>
#include <ctime>
#include <utility>

#include "millrace/sharing/os/printable.h"

namespace millrace::records {
namespace {

constexpr size_t kLongestLine = 10'000;

// In UTC, since runs of several machines are compared.
std::string time_text(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%SZ ", &parts)};
}

}  // namespace

RunLog::RunLog(std::string path, WallClock clock)
    : clock_(std::move(clock)), file_(AppendFile::open(std::move(path))) {}

void RunLog::write(std::string_view text) {
  const std::string time = time_text(clock_());
  std::string lines;
  while (true) {
    const size_t end = text.find('\n');
    lines += time + printable(text.substr(0, end), kLongestLine) + "\n";
    if (end == text.npos || end + 1 == text.size()) break;
    text.remove_prefix(end + 1);
  }
  file_.append(lines);
}

}  // namespace millrace::records
