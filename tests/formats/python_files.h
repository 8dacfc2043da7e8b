#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/paths.h"

/// Files that Python's libraries write while the tests run.
namespace millrace::test {

/// Has tests/formats/SCRIPT write its files into `folder`. False when there is no Python with what it imports, which it
/// tells by exiting with 3.
inline bool written_by_python(const std::string& script, const std::string& folder) {
  const std::string command = "'" + python() + "' '" + source("tests/formats/" + script) + "' '" + folder + "'";
  const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): before any thread.
  constexpr int kNoLibrary = 3, kNoPython = 127;
  if (WIFEXITED(status) && (WEXITSTATUS(status) == kNoLibrary || WEXITSTATUS(status) == kNoPython)) return false;
  if (status != 0) throw std::runtime_error(script + " failed, see its message above");
  return true;
}

inline constexpr const char* kNoLibrary =
    "no Python with numpy, h5py, lmdb and protobuf: set MILLRACE_PYTHON to what scripts/setup_live prints";

}  // namespace millrace::test
