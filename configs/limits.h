#pragma once

#include <cstddef>

namespace millrace::configs {

/// Far beyond any configuration: what a document may be, and may become by aliases and references, before it is called
/// a mistake or an attack.
struct Limits {
  static constexpr int kDepth = 64;           ///< Levels of lists and maps, and references on the way to a value.
  static constexpr size_t kValues = 100'000;  ///< Scalars, lists and maps.
  static constexpr int kReferences = 10'000;
  static constexpr int kFiles = 100;           ///< That include each other.
  static constexpr size_t kBytes = 4'000'000;  ///< Of text: read, and again of what stands in the place of references.
};

}  // namespace millrace::configs
