#pragma once

#include <string>

/// How `millrace` ends: its exit codes, and the line that tells why.
namespace millrace::apps {

constexpr int kDone = 0;
constexpr int kWorkFailed = 1;
constexpr int kWrongUsage = 2;  ///< The command line or a configuration is wrong.
constexpr int kStopped = 3;     ///< Training was asked to stop, by Ctrl-C or SIGTERM, and can go on.

/// Prints "millrace: WHAT" to stderr as one line and gives `code`.
int fail(int code, std::string what);

}  // namespace millrace::apps
