#pragma once

#include "millrace/apps/millrace/library.h"
#include "millrace/apps/millrace/program_types.h"

/// The program `millrace` with types of one's own, for a main() of one line; docs/own_types.md has one.
namespace millrace::apps {

/// Adds types to those of Millrace. The same function may be that of a shared library (library.h).
using AddTypes = void (*)(ProgramTypes& types);

/// Does what the command line asks: train, bench, help and so on, as `millrace` does, and gives the exit code. To be
/// called first in main(): it calls millrace::init(), which has to come before threads and CUDA, and then `add_types`.
int run_program(int argc, char** argv, AddTypes add_types);

}  // namespace millrace::apps
