#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/sources/source.h"

namespace millrace {

/// A sample's name as the dataset gives it, or why it gave none, for messages about something else. REQUIRES: sample <
/// source.size().
std::string describe_or_why_not(const Source& source, size_t sample);

/// The names of samples in messages. Their numbers come from shared memory and may be any.
class SampleNames {
 public:
  SampleNames(const Source& source, const InFlight& in_flight) : source_(source), in_flight_(in_flight) {}

  /// The sample's path to stand behind its number, " (cats/5.jpg)", or nothing.
  std::string path_of(int64_t sample) const;

  /// The sample in words: "sample 5 (cats/5.jpg)", or "sample 5 of stream 2".
  std::string in_slot(size_t slot, int64_t sample) const;

 private:
  const Source& source_;
  const InFlight& in_flight_;
};

}  // namespace millrace
