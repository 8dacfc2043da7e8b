#include "millrace/apps/millrace/front/commands/exit.h"

#include <algorithm>
#include <cstdio>

#include "millrace/sharing/os/printable.h"

namespace millrace::apps {

int fail(int code, std::string what) {
  what = printable_lines(what);                       // Whatever a library wrote,
  std::replace(what.begin(), what.end(), '\n', ' ');  // and in one line.
  std::fprintf(stderr, "millrace: %s\n", what.c_str());
  return code;
}

}  // namespace millrace::apps
