#pragma once

#include <cstdio>
#include <string>

namespace millrace::training {

/// "81.25 %" of a share.
inline std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * share);
  return text;
}

}  // namespace millrace::training
