#include "millrace/training/known_classes.h"

#include <cstddef>

#include "millrace/training/settings.h"

namespace millrace::training {

std::optional<std::string> text_of_unknown_class(const Task& task, const Batch& batch, const Split& split) {
  const FieldSpec* const field = target_field(split.spec);
  const auto wrong = field == nullptr ? std::nullopt : task.find_wrong_class(batch[field->name]);
  if (!wrong) return std::nullopt;
  const std::string cure =
      wrong->number < 0 ? "number the classes from 0"
                        : "set classes: " + std::to_string(wrong->number + 1) + " or more, or change that number";
  return sample_text(batch.indices(), static_cast<size_t>(wrong->sample), split) + " has " +
         std::to_string(wrong->number) + " in the field " + field->name + ", where classes are 0 to " +
         std::to_string(task.outputs() - 1) + "; " + cure;
}

void require_known_classes(const configs::Node& run, const Task& task, const Batch& batch, const Split& split) {
  if (const auto text = text_of_unknown_class(task, batch, split))
    throw run[run.find("classes") ? "classes" : "dataset"].error(*text);
}

}  // namespace millrace::training
