#pragma once

#include <string>
#include <vector>

namespace millrace::detail {

/// A thread of this process that is not the calling one.
struct OtherThread {
  std::string name;  ///< The thread's name, as ps and top show it.
  std::string
      library;  ///< Path of the library whose code it runs, below the C library's; empty where that is not seen.

  /// The thread in words: "'worker' of /usr/lib/libfast.so".
  std::string str() const;
};

/// Every thread of this process but the calling one, looked up in /proc.
std::vector<OtherThread> other_threads();

/// The threads in words: "'a' of liba.so, 'b'".
std::string names_of(const std::vector<OtherThread>& threads);

}  // namespace millrace::detail
