#pragma once

#include <vector>

#include "millrace/apps/millrace/front/doctor.h"

namespace millrace::apps {

/// The fork server and LibTorch's parts, tried for real.
std::vector<Check> check_programs();

/// The CUDA driver and what each device can do, tried for real. One line where there is none.
std::vector<Check> check_cuda();

}  // namespace millrace::apps
