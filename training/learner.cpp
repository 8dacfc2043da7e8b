#include "millrace/training/learner.h"

#include <torch/utils.h>

#include <tuple>
#include <utility>

#include "millrace/training/mixed_precision.h"

namespace millrace::training {

at::Tensor Learner::input(const Batch& batch) const {
  return place.normalize ? batch.to(place.device, *place.normalize).data() : batch.data().to(place.device);
}

at::Tensor Learner::output(const at::Tensor& input) const {
  const Autocast autocast(place.device.type(), place.amp);
  return model.forward(input).to(at::kFloat);
}

Learner make_learner(const configs::Node& run, const Settings& settings, const SampleSpec& spec, int64_t outputs,
                     const ModelTypes& types) {
  const FieldSpec& input = spec.fields.front();
  const bool has_planes = input.shape.size() == 3;
  Place place{read_device(run, settings.run.device), amp_type(settings.run.amp), std::nullopt};
  if (has_planes && input.dtype == at::kByte)
    place.normalize = make_normalize(run, settings.normalize, input.shape.front(), place.amp);
  torch::manual_seed(settings.run.seed);
  ModelFacts facts{.classes = outputs};
  if (has_planes)
    std::tie(facts.channels, facts.height, facts.width) = std::tuple(input.shape[0], input.shape[1], input.shape[2]);
  if (input.shape.size() == 1) facts.features = input.shape.front();
  auto model = types.make(run["model"], facts);
  model->to(place.device);
  return {std::move(model), std::move(place)};
}

}  // namespace millrace::training
