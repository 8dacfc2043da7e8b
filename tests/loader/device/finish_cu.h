#pragma once

#include <string>

/// The kernels of finish.cu, compiled for the CPU: a launch is a loop over blocks and threads. `parameters` is what
/// cuLaunchKernel gets. Throws std::out_of_range for a name that finish.cu does not have.
void launch_on_cpu(const std::string& kernel, unsigned blocks, unsigned threads, void** parameters);

/// One thread of it, by its number in the grid.
void run_thread_on_cpu(const std::string& kernel, unsigned thread, void** parameters);
