#include "millrace/training/initial_weights.h"

#include <exception>

#include "millrace/configs/binder.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/training_keys.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/weights/state_dict.h"

namespace millrace::training {

void load_initial_weights(const configs::Node& run, torch::nn::Module& model) {
  const configs::Node section = run.section("weights");
  configs::Section reader(section);
  const auto keys = configs::read_keys<configs::tables::Weights>(reader);
  if (keys.from.empty() && !keys.except.empty())
    throw section["except"].error(
        "names layers that keep what they have, but no file says what the others get: add from");
  if (keys.from.empty()) return;
  const auto weights =
      configs::build_at<std::exception>(section["from"], [&] { return load_model_weights(keys.from); });
  configs::build_at<std::exception>(section, [&] {
    apply_weights(model, weights, keys.except);
    return 0;
  });
}

}  // namespace millrace::training
