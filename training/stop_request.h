#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <string_view>

namespace millrace::training {

/// Requests to stop, while it lives: Ctrl-C (SIGINT), SIGTERM, a terminal that is closed (SIGHUP, unless that is
/// ignored, as under nohup), and output that nobody reads any more (SIGPIPE), as behind `| head`. Training follows the
/// first one when its step is done. SIGINT or SIGTERM after it end the process at once, as they would without this; the
/// other two come several times by themselves, and change nothing more. One at a time.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// Whether there was one.
  bool is_made() const;

  /// What made the first one, "Ctrl-C"; "" where there was none.
  std::string_view cause() const;

 private:
  static constexpr size_t kSignals = 4;
  std::array<struct sigaction, kSignals> before_{};
};

}  // namespace millrace::training
