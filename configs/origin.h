#pragma once

#include <string>

namespace millrace::configs {

/// Where a value was written: a place in a file, or an argument of the command line (line 0).
struct Origin {
  std::string source;
  int line = 0;    ///< Counted from 1.
  int column = 0;  ///< Counted from 1; of an argument, its number.
};

/// "photos.yaml:12:5", or "command line 'loader.batch_size=128'".
std::string to_string(const Origin& origin);

/// Whether `a` comes before `b`: by files, then by their places, and arguments of the command line last.
bool comes_before(const Origin& a, const Origin& b);

}  // namespace millrace::configs
