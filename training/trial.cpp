#include "millrace/training/trial.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/value.h"
#include "millrace/loader/data_loader.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/settings.h"

namespace millrace::training {
namespace {

using Shape = std::vector<int64_t>;

// Lets a model be tried: what a step changes without an optimizer, statistics and random numbers, is put back.
class Unchanged {
 public:
  explicit Unchanged(const Learner& learner) : random_(random_states(learner.place.device)) {
    for (const auto& buffer : learner.model->buffers()) buffers_.emplace_back(buffer, buffer.detach().clone());
  }
  ~Unchanged() {
    for (auto& [buffer, before] : buffers_) buffer.copy_(before);
    restore_random(random_);
  }
  Unchanged(const Unchanged&) = delete;
  Unchanged& operator=(const Unchanged&) = delete;

 private:
  const at::NoGradGuard no_grad_;
  NamedTensors random_;
  std::vector<std::pair<at::Tensor, at::Tensor>> buffers_;  // And what each was.
};

Shape with_batch(int64_t samples, const Shape& shape) {
  Shape all{samples};
  all.insert(all.end(), shape.begin(), shape.end());
  return all;
}

// What Learner::input() gives for so many samples.
at::Tensor black(const Learner& learner, const FieldSpec& field, int64_t samples) {
  const auto dtype = learner.place.normalize ? learner.place.normalize->dtype : field.dtype;
  return at::zeros(with_batch(samples, field.shape), at::TensorOptions(dtype).device(learner.place.device));
}

// The shape of what the model makes of them, or why it makes nothing, which is not for lack of memory.
struct Outcome {
  std::optional<Shape> shape;
  std::string error;
};

Outcome outcome_of(const Learner& learner, const at::Tensor& input) {
  try {
    return {learner.output(input).sizes().vec(), ""};
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const c10::Error& error) {
    return {std::nullopt, error.what_without_backtrace()};
  } catch (const std::exception& error) {
    return {std::nullopt, error.what()};
  }
}

std::string first_line(const std::string& text) { return printable(text.substr(0, text.find('\n'))); }

int64_t numel(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

// Numbers may come in any shape of as many.
bool fits(const Shape& found, const Shape& expected, const Task& task) {
  if (found == expected) return true;
  const bool are_numbers = expected.size() == 2 && !task.has_classes();
  return are_numbers && !found.empty() && found.front() == expected.front() && numel(found) == numel(expected);
}

std::string models_for(const FieldSpec& input, const Shape& expected) {
  const std::string own = " or a model of your own that gives this";
  if (input.shape.size() == 1) return "take mlp" + own;
  return expected.size() == 2 ? "take small_cnn, resnet18, resnet50, vit_tiny" + own : "take unet" + own;
}

// Whether the last batch of an epoch has one sample. Of samplers that may take samples twice or not at all, nobody
// knows before.
bool ends_with_one(const configs::Node& run, const Split& split) {
  const auto& options = split.loader->options();
  if (options.batch_size() == 1) return true;
  if (!split.has_indices || !split.samples || options.drop_last() || *split.samples % options.batch_size() != 1)
    return false;
  const auto sampler = run.find("sampler");
  if (!sampler) return true;
  const configs::Value* type = &sampler->value();
  if (type->kind == configs::Value::Kind::kMap) {
    if (sampler->find("num_samples")) return false;
    type = type->find("type");
  }
  return type != nullptr && (type->text == "random" || type->text == "sequential");
}

}  // namespace

void try_model(const configs::Node& run, const Learner& learner, const Task& task, const Split& split) {
  const FieldSpec& field = split.spec.fields.front();
  const FieldSpec* target = target_field(split.spec);
  const auto is_known = [](const FieldSpec& one) {
    return std::all_of(one.shape.begin(), one.shape.end(), [](int64_t side) { return side > 0; });
  };
  if (target == nullptr || !is_known(field) || !is_known(*target)) return;
  const Unchanged unchanged(learner);
  learner.model->train();

  constexpr int64_t kSeveral = 2;
  const auto input = black(learner, field, kSeveral);
  const Shape expected = with_batch(kSeveral, task.output_shape(*target));
  const Outcome outcome = outcome_of(learner, input);
  const std::string of_input = " a batch of " + c10::str(input.sizes());
  const std::string wanted =
      std::string(task.name()) + " expects " + c10::str(at::IntArrayRef(expected)) + "; " + models_for(field, expected);
  if (!outcome.shape)
    throw run["model"].error("fails for" + of_input + ": " + first_line(outcome.error) + "; " + wanted);
  if (!fits(*outcome.shape, expected, task))
    throw run["model"].error("makes " + c10::str(at::IntArrayRef(*outcome.shape)) + " of" + of_input + ", where " +
                             wanted);

  if (!ends_with_one(run, split)) return;
  const Outcome of_one = outcome_of(learner, black(learner, field, 1));
  if (!of_one.shape)
    throw run["loader"].error("the last batch has one sample, of which this model cannot learn: " +
                              first_line(of_one.error) + "; set drop_last: true, or another batch_size");
}

}  // namespace millrace::training
