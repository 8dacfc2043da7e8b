#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "millrace/loader/sample.h"

namespace millrace {

/// A dataset as the loader sees it, its type erased: something that writes sample i where it is told.
///
/// Each worker uses one of its own, so read() is called by one thread at a time.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  virtual size_t size() const = 0;

  /// What every sample looks like. May read the first one to find out.
  virtual const SampleSpec& spec() = 0;

  /// REQUIRES: index < size(), and row of spec(). Throws what the dataset throws.
  virtual void read(size_t index, SampleRow& row, SampleContext& context) = 0;

  /// Names a sample in errors: a path, a key. Empty where the dataset has no names.
  virtual std::string describe(size_t index) const = 0;

  /// One more for another worker thread: a copy where the dataset can be copied, else the same object, whose reading
  /// must then be safe from several threads.
  virtual std::unique_ptr<SampleSource> clone() const = 0;
};

}  // namespace millrace
