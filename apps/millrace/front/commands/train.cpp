#include "millrace/apps/millrace/front/commands/train.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <utility>

#include "millrace/apps/millrace/front/commands/resumed_run.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::apps::commands {
namespace {

// A run that goes on has its configuration in its directory.
void find_config(Train& train) {
  auto& file = train.file;
  if (train.resume.empty()) {
    if (file.config.empty()) throw CLI::ValidationError("CONFIG is required, or --resume");
    return;
  }
  // What stands first is a setting then.
  if (file.config.find('=') != std::string::npos)
    file.overrides.insert(file.overrides.begin(), std::exchange(file.config, ""));
  if (!file.config.empty())
    throw CLI::ValidationError("--resume takes the configuration in the run's directory: leave out " +
                               in_quotes(file.config) + ", and give what is to be other as KEY=VALUE");
  try {
    train.resume = resumed_run(train.resume);
  } catch (const std::exception& error) {
    throw CLI::ValidationError(error.what());
  }
  file.config = train.resume + "/config.yaml";
}

}  // namespace

void Train::declare(CLI::App& command) {
  file.declare(command);
  command
      .add_option("--resume", resume,
                  "the directory of a run that was stopped, which goes on; its configuration is there")
      ->type_name("DIRECTORY");
  command
      .add_option("--trace", trace, "write what was done when to this file, for ui.perfetto.dev or chrome://tracing")
      ->type_name("FILE");
  command.final_callback([this] { find_config(*this); });
}

std::string Train::name() const { return std::filesystem::path(file.config).stem().string(); }

}  // namespace millrace::apps::commands
