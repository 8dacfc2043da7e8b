#include "millrace/training/divergence.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/printable.h"

namespace millrace::training {
namespace {

[[noreturn]] void throw_diverged(const std::string& what, int64_t step, const Position& position) {
  throw std::runtime_error("training diverged: in epoch " + std::to_string(position.epoch + 1) + ", step " +
                           std::to_string(step) + ", " + what +
                           "; the checkpoints are of the time before. Try a lower optimizer.lr, gradients.clip=1, "
                           "schedule.warmup_epochs=1 or, with amp, amp=none, and look at the data by millrace show");
}

}  // namespace

void require_finite_loss(double loss, const Position& position) {
  if (std::isfinite(loss)) return;
  throw_diverged(std::string("the loss is ") + (std::isnan(loss) ? "nan" : "infinite"), position.steps + 1, position);
}

void require_finite_weights(const torch::nn::Module& model, const Position& position) {
  const at::NoGradGuard no_grad;
  for (const auto& parameter : model.named_parameters())
    if (!at::isfinite(parameter.value()).all().item<bool>())
      throw_diverged("the weights " + in_quotes(parameter.key()) + " became nan or infinite", position.steps, position);
}

}  // namespace millrace::training
