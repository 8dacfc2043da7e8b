#include "millrace/apps/millrace/front/help.h"

#include <cstdio>
#include <stdexcept>

#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/configs/tables/reference.h"

namespace millrace::apps {

int help(const HelpOptions& options) {
  try {
    std::fputs(configs::tables::help_text(options.section).c_str(), stdout);
    return kDone;
  } catch (const std::invalid_argument& unknown) {
    return fail(kWrongUsage, unknown.what());
  }
}

}  // namespace millrace::apps
