#pragma once

#include "millrace/apps/millrace/front/command_line.h"

namespace millrace::apps {

/// Prints what is known of the topic, from tables and without LibTorch. Gives the program's exit code.
int help(const HelpOptions& options);

}  // namespace millrace::apps
