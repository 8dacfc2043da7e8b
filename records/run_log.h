#pragma once

#include <string>
#include <string_view>

#include "millrace/records/append_file.h"
#include "millrace/records/wall_clock.h"

namespace millrace::records {

/// What a run told, line by line with the time: "2026-11-29 06:04:39Z epoch 1/3: loss 0.4126". A run that goes on
/// writes behind what is there. Each line is with the kernel when write() returns. Throws SyscallError. Not
/// thread-safe.
class RunLog {
 public:
  explicit RunLog(std::string path, WallClock clock = system_wall_clock);

  /// Of several lines each gets the time. What means something to a terminal is escaped.
  void write(std::string_view text);

 private:
  WallClock clock_;
  AppendFile file_;
};

}  // namespace millrace::records
