#include "millrace/training/evaluate.h"

#include <ATen/core/grad_mode.h>

#include <stdexcept>
#include <string>

#include "millrace/loader/stats.h"
#include "millrace/training/known_classes.h"

namespace millrace::training {

std::optional<Verdict> evaluate(Learner& learner, const Task& task, Split& split,
                                const std::function<bool(int64_t done)>& go_on) {
  const at::NoGradGuard no_grad;
  learner.model->eval();
  const LoaderStats before = split.loader->stats();
  Verdict verdict{task.evaluation()};
  NotFiniteSearch not_finite;
  while (const auto batch = split.loader->next()) {
    if (looks_for_unknown_classes(learner.place.device, verdict.samples))
      if (const auto text = text_of_unknown_class(task, *batch, split)) throw std::runtime_error("testing: " + *text);
    not_finite.add(*batch);
    verdict.evaluation->add(learner.output(learner.input(*batch)), task.target(*batch));
    verdict.samples += batch->size();
    if (!go_on(verdict.samples)) return std::nullopt;
  }
  const LoaderStats after = split.loader->stats();
  verdict.skipped = static_cast<int64_t>(after.skipped_samples - before.skipped_samples);
  verdict.replaced = static_cast<int64_t>(after.replaced_samples - before.replaced_samples);
  verdict.not_finite = not_finite.found(split);
  if (verdict.samples > 0) return verdict;
  if (verdict.skipped == 0) throw std::runtime_error("the test split had no sample");
  throw std::runtime_error("the test split had no sample: none of " + std::to_string(verdict.skipped) +
                           " could be read, the last error: " + after.last_error);
}

}  // namespace millrace::training
