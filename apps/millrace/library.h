#pragma once

#include <torch/headeronly/version.h>

#include "millrace/apps/millrace/program_types.h"
#include "millrace/version.h"

/// Types of one's own in a shared library, which a configuration names under `libraries`. The library says once,
/// outside of all namespaces, by which function it adds them:
///
///   static void add_types(millrace::apps::ProgramTypes& types) { types.datasets.add<Waves>(); }
///   MILLRACE_LIBRARY(add_types)
namespace millrace::apps {

/// What a library has to be built with as well, since neither Millrace nor LibTorch promises an ABI between versions.
inline constexpr char kBuiltWith[] = "Millrace " MILLRACE_VERSION ", LibTorch " TORCH_VERSION;

/// What a library says of itself. Its form is the same for all versions.
struct LibraryHead {
  const char* built_with;
  void (*add_types)(ProgramTypes& types);
};

}  // namespace millrace::apps

#define MILLRACE_LIBRARY(add_types)                                                                           \
  extern "C" __attribute__((visibility("default"))) const ::millrace::apps::LibraryHead* millrace_library() { \
    static constexpr ::millrace::apps::LibraryHead kHead{::millrace::apps::kBuiltWith, add_types};            \
    return &kHead;                                                                                            \
  }
