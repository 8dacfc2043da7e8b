#pragma once

#include <functional>
#include <string_view>

#include "millrace/apps/millrace/progress_line.h"

namespace millrace::apps {

/// Where progress is told, and what that can show.
struct ProgressOutput {
  bool is_terminal = false;
  Letters letters = Letters::kAscii;
  std::function<int()> columns;  ///< Of a terminal, as wide as it is now.
  std::function<void(std::string_view)> write;
};

/// What is open as descriptor `fd`. One that cannot move its cursor back (TERM=dumb) is no terminal; letters are those
/// of the locale that the environment names. What is written goes there at once; what cannot be written is dropped,
/// since no work should end because nobody sees how far it is.
ProgressOutput output_to(int fd);

}  // namespace millrace::apps
