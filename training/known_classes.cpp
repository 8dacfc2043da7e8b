#include "millrace/training/known_classes.h"

#include <ATen/ops/empty.h>

#include <cstddef>

#include "millrace/configs/errors.h"
#include "millrace/training/settings.h"

namespace millrace::training {

namespace {

std::string unknown_class_text(int64_t number, const std::string& sample, const std::string& field, const Task& task) {
  const std::string cure = number < 0
                               ? "number the classes from 0"
                               : "set classes: " + std::to_string(number + 1) + " or more, or change that number";
  return sample + " has " + std::to_string(number) + " in the field " + field + ", where classes are 0 to " +
         std::to_string(task.outputs() - 1) + "; " + cure;
}

configs::ConfigError error_at_classes(const configs::Node& run, const std::string& text) {
  return run[run.find("classes") ? "classes" : "dataset"].error(text);
}

}  // namespace

bool looks_for_unknown_classes(c10::Device device, int64_t before) { return device.is_cpu() || before == 0; }

std::optional<std::string> text_of_unknown_class(const Task& task, const Batch& batch, const Split& split) {
  const FieldSpec* const field = target_field(split.spec);
  const auto wrong = field == nullptr ? std::nullopt : task.find_wrong_class(batch[field->name]);
  if (!wrong) return std::nullopt;
  return unknown_class_text(wrong->number, sample_text(batch.indices(), static_cast<size_t>(wrong->sample), split),
                            field->name, task);
}

void require_known_classes(const configs::Node& run, const Task& task, const Batch& batch, const Split& split) {
  if (const auto text = text_of_unknown_class(task, batch, split)) throw error_at_classes(run, *text);
}

void require_known_labels(const configs::Node& run, const Task& task, const configs::Node& pipeline,
                          const Split& split) {
  constexpr const char* kLabel = "label";  // What such datasets call the field.
  const FieldSpec* const field = target_field(split.spec);
  if (field == nullptr || field->name != kLabel || !split.label || !task.has_classes() || pipeline.find("sampler"))
    return;
  const int64_t samples = split.samples.value_or(0);
  if (samples == 0) return;
  auto labels = at::empty({samples}, at::kLong);
  auto* const label = labels.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < samples; ++i) label[i] = split.label(i);
  const auto wrong = task.find_wrong_class(labels);
  if (wrong)
    throw error_at_classes(run,
                           unknown_class_text(wrong->number, sample_text({wrong->sample}, 0, split), kLabel, task));
}

}  // namespace millrace::training
