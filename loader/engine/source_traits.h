#pragma once

#include "millrace/loader/sources/source.h"

namespace millrace {

/// What a loader does differently by the kind of its source. The kind is asked here and nowhere else, so that a new
/// kind has to be described in one place.
struct SourceTraits {
  // NOLINTNEXTLINE(google-explicit-constructor): a kind says all of this.
  constexpr SourceTraits(Source::Kind kind) {
    switch (kind) {
      case Source::Kind::kRows:
        break;
      case Source::Kind::kPacked:
        packed = true;
        break;
      case Source::Kind::kStreams:
        packed = streamed = true;
        break;
    }
  }

  /// Whether a batch is one value that one worker makes whole. Else samples are rows of fixed fields, in ranges.
  bool packed = false;

  /// Whether a batch is asked of a stream. Such a batch has no indices, its worker leaves out samples itself, and the
  /// number of its samples is known when it comes. Else a batch has an index for each sample.
  bool streamed = false;
};

inline SourceTraits traits_of(const Source& source) { return source.kind(); }

}  // namespace millrace
