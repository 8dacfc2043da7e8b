#include "millrace/apps/millrace/front/commands/bench.h"

#include <CLI/CLI.hpp>

#include "millrace/apps/millrace/front/commands/number_checks.h"

namespace millrace::apps::commands {

void Bench::declare(CLI::App& command) {
  file.declare(command);
  command.get_option("config")->required();
  command.add_option("--warmup", warmup_s, "seconds before the first window, at most: it begins where rates agree")
      ->type_name("SECONDS")
      ->check(not_negative());
  command.add_option("--window", window_s, "seconds of a window")->type_name("SECONDS")->check(above_zero());
  command.add_option("--repeats", repeats, "windows; medians are reported")->type_name("COUNT")->check(above_zero());
  command.add_option("--batches", batches, "take so many batches, without a warm-up, and say what they took")
      ->type_name("COUNT")
      ->check(above_zero());
}

}  // namespace millrace::apps::commands
