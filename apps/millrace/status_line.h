#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/apps/millrace/progress_output.h"

namespace millrace::apps {

/// The last line of an output, which is drawn over and over on a terminal while lines are printed above it: a person
/// never sees a half of one in the other. Where there is no terminal, nothing is drawn and lines follow each other.
/// Thread-safe: notices come from any thread.
class StatusLine {
 public:
  explicit StatusLine(ProgressOutput output) : output_(std::move(output)) {}
  ~StatusLine() { clear(); }

  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  /// What can be drawn; of no terminal nothing.
  const ProgressOutput& output() const { return output_; }

  /// Replaces what is drawn, on a terminal.
  void draw(std::string line);

  /// Leaves the line empty, for another output of the same terminal.
  void clear();

  /// Prints a line, without its line end, above what is drawn.
  void print(std::string_view line);

 private:
  const ProgressOutput output_;
  std::mutex mutex_;
  std::string drawn_;  // Empty: nothing is.
};

/// That of stderr, which all of a program share.
StatusLine& stderr_line();

}  // namespace millrace::apps
