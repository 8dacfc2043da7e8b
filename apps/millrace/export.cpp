#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "millrace/apps/millrace/commands.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/weights/weights.h"

namespace millrace::apps {
namespace {

// A name that was mistyped may be that of a checkpoint, which nobody could train on from then.
void require_new(const std::string& path) {
  if (std::filesystem::exists(std::filesystem::symlink_status(path)))
    throw std::runtime_error(in_quotes(path) + " is there already: remove it, or give another name");
}

int64_t count_numbers(const training::NamedTensors& weights) {
  int64_t numbers = 0;
  for (const auto& [name, tensor] : weights) numbers += tensor.numel();
  return numbers;
}

}  // namespace

int export_weights(const commands::Export& command) {
  require_new(millrace::detail::user_path(command.output));
  const auto [path, checkpoint] = training::read_trained_run(command.trained);
  const training::NamedTensors& weights = training::judged_weights(checkpoint);
  const bool averaged = !checkpoint.ema.empty();
  training::save_weights(command.output, weights);
  if (command.json) {
    const nlohmann::json object{{"checkpoint", path},
                                {"output", command.output},
                                {"tensors", weights.size()},
                                {"numbers", count_numbers(weights)},
                                {"averaged", averaged}};
    std::puts(object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return kDone;
  }
  std::printf("%s of %s, %s\nwritten: %s\n", counted(weights.size(), "tensor").c_str(), printable(path).c_str(),
              averaged ? "the averaged weights (ema), with which it predicts" : "the weights with which it predicts",
              printable(command.output).c_str());
  return kDone;
}

}  // namespace millrace::apps
