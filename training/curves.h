#pragma once

#include <string>
#include <vector>

namespace millrace::training {

/// Draws the rows of a metrics.csv over the epochs, each chart as an SVG file in `folder` that is replaced in one step:
/// "loss.svg" with the losses of training and test, and one for each other "test_" measure. Gives the names of the
/// files. Throws std::runtime_error for a file that is no such table, SyscallError.
std::vector<std::string> write_curves(const std::string& csv, const std::string& folder);

}  // namespace millrace::training
