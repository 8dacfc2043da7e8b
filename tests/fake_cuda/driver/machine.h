#pragma once

#include <string>

#include "millrace/tests/fake_cuda/driver/process.h"

/// The machine whose processes share devices: a directory, where each cuMemAlloc is a file, so that another process can
/// map it. MILLRACE_FAKE_CUDA_DIR names it; else it is one of this user. It goes with its last user, if that one calls
/// exit(), as a test program does and its children do not.
namespace fake_cuda {

/// Removes what earlier processes left behind.
void enter_machine();
void leave_machine();

/// The file of a process's allocation with that number.
std::string file_of(const Process& owner, unsigned long long number);

}  // namespace fake_cuda
