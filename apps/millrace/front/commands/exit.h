#pragma once

#include <string>

#include "millrace/configs/errors.h"

/// How `millrace` ends: its exit codes, and the line that tells why.
namespace millrace::apps {

constexpr int kDone = 0;
constexpr int kWorkFailed = 1;
constexpr int kWrongUsage = 2;  ///< The command line or a configuration is wrong.
constexpr int kStopped = 3;     ///< The work was asked to stop, by Ctrl-C or SIGTERM, before its end.
constexpr int kSlower = 4;      ///< A measurement is slower than the one it was compared with.

/// A line of words for each error; or one line of JSON for all, {"errors": [{"text": WHAT}], "exit_code": 2}, with
/// "file", "line" and "column" for errors in a configuration.
enum class ErrorForm { kLines, kJson };

/// How errors are told from here on; kLines unless this is called. Not thread-safe: for the beginning of main().
void tell_errors_as(ErrorForm form);

/// Prints "millrace: WHAT" to stderr as one line and gives `code`.
int fail(int code, std::string what);

/// Prints a line for each problem to stderr, the lines of a list that belongs to it, which are indented, below it, and
/// the number of problems behind several. Gives kWrongUsage.
int fail(const configs::ConfigError& error);

/// The exit code of a command that ends with `code` and has printed to stdout: kWorkFailed, and a line that tells why,
/// where all was done and some of that could not be written.
int with_stdout_written(int code);

}  // namespace millrace::apps
