#include "millrace/loader/engine/sample_names.h"

#include <exception>

#include "millrace/loader/engine/source_traits.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {

std::string describe_or_why_not(const Source& source, size_t sample) {
  try {
    return source.describe(sample);
  } catch (const std::exception& e) {
    return std::string("its describe() failed too: ") + e.what();
  }
}

std::string SampleNames::path_of(int64_t sample) const {
  if (sample < 0 || static_cast<size_t>(sample) >= source_.size()) return {};
  const std::string name = describe_or_why_not(source_, static_cast<size_t>(sample));
  return name.empty() ? name : " (" + printable(name) + ")";
}

std::string SampleNames::in_slot(size_t slot, int64_t sample) const {
  const std::string number = "sample " + std::to_string(sample);
  if (!traits_of(source_).streamed) return number + path_of(sample);
  return number + " of stream " + std::to_string(in_flight_.plan(slot).stream.stream);
}

}  // namespace millrace
