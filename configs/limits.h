#pragma once

#include <cstddef>

namespace millrace::configs {

/// The limits of a document, and of what it becomes by aliases and references. They lie far beyond any configuration:
/// what passes them is a mistake or an attack.
struct Limits {
  static constexpr int kDepth = 64;           ///< Levels of lists and maps, and references on the way to a value.
  static constexpr size_t kValues = 100'000;  ///< Scalars, lists and maps.
  static constexpr int kReferences = 10'000;
  static constexpr int kFiles = 100;           ///< Files that include each other.
  static constexpr size_t kBytes = 4'000'000;  ///< Bytes of text read, and again bytes of text that references put in.
};

}  // namespace millrace::configs
