#pragma once

#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/configs/errors.h"
#include "millrace/configs/node.h"

/// The configuration that a command line names, as both programs read it.
namespace millrace::apps {

/// Reads and checks it by the tables; no dataset is opened. Throws configs::ConfigError with all that is wrong.
configs::Node read_run_file(const RunFile& file);

/// Prints a line for each problem to stderr, and their number behind several. Gives kWrongUsage.
int fail(const configs::ConfigError& error);

/// Prints the settings with their origins to stdout.
void print_settings(const configs::Node& run);

}  // namespace millrace::apps
