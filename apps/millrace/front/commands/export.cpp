#include "millrace/apps/millrace/front/commands/export.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <string>

#include "millrace/sharing/os/printable.h"

namespace millrace::apps::commands {
namespace {

// "" where the name says how the weights are written, else what is wrong with it.
std::string wrong_ending(const std::string& file) {
  constexpr const char* kEndings[] = {".safetensors", ".pt", ".pth"};  // Those of save_weights().
  const std::string ending = std::filesystem::path(file).extension();
  if (std::ranges::count(kEndings, ending) > 0) return "";
  return "expected a file that ends in .safetensors, .pt or .pth, found " + in_quotes(file);
}

}  // namespace

void Export::declare(CLI::App& command) {
  command.add_option("trained", trained, "a run's directory, of which best.pt is taken, else last.pt; or a checkpoint")
      ->required()
      ->type_name("RUN");
  command
      .add_option("output", output,
                  "the file to write: .safetensors, or .pt (also .pth) for a state_dict as torch.save writes it")
      ->required()
      ->type_name("FILE")
      ->check(CLI::Validator(wrong_ending, ""));
  command.add_flag("--json", json, "print one line of JSON in place of the summary");
}

}  // namespace millrace::apps::commands
