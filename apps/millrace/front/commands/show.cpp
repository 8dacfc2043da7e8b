#include "millrace/apps/millrace/front/commands/show.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "millrace/apps/millrace/front/commands/number_checks.h"

namespace millrace::apps::commands {

void Show::declare(CLI::App& command) {
  file.declare(command);
  command.get_option("config")->required();
  command
      .add_option("--output", output,
                  "what the files are called, which end in .png and .html and replace older ones; left out: the "
                  "configuration's name with _show, here")
      ->type_name("NAME");
  command.add_option("--part", part, "which data are shown")->check(CLI::IsMember({kTrain, kTest}));
  command.add_option("--samples", samples, "so many samples are drawn")->type_name("COUNT")->check(count(1000));
  command.add_option("--draws", draws, "how often each is drawn, as in as many epochs")
      ->type_name("COUNT")
      ->check(count(16));
  command
      .add_option("--statistics", statistics,
                  "how many samples are read to be counted; some: 10,000, evenly spread. Ctrl-C ends it with what is "
                  "known")
      ->check(CLI::IsMember({kNone, kSome, kAll}));
}

std::string Show::name() const {
  return output.empty() ? std::filesystem::path(file.config).stem().string() + "_show" : output;
}

}  // namespace millrace::apps::commands
