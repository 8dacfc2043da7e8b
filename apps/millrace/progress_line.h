#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::apps {

/// "1h02m", "3m20s", "12s", for durations that a person waits.
std::string human_duration(double seconds);

/// How far a piece of work is.
struct ProgressState {
  std::string title;
  std::string unit;  ///< What is counted: "samples".
  int64_t done = 0;
  int64_t total = 0;
  double rate = 0;                 ///< Units a second; 0 while it is not known.
  std::vector<std::string> notes;  ///< "loss 0.312", what matters most first.
};

/// "training: 45 %, 3m20s left, 2.3 samples/s, loss 0.312, 450/1000 samples", however long.
std::string plain_line(const ProgressState& state);

/// What a terminal can draw.
enum class Letters { kAscii, kUnicode };

/// The same with a bar, in `columns` of a terminal at most: where these are few, the bar is short and what stands last
/// is left off, and in the end the title is cut. A character beyond ASCII is taken to need two columns, since some do,
/// and which depends on the terminal: a line that is a bit short is better than one that wraps.
std::string bar_line(const ProgressState& state, int columns, Letters letters);

}  // namespace millrace::apps
