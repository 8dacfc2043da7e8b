#include "millrace/training/settings.h"

#include <ATen/Context.h>
#include <c10/core/impl/alloc_cpu.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "millrace/configs/binder.h"
#include "millrace/configs/device_name.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/tasks/classification.h"
#include "millrace/training/tasks/regression.h"
#include "millrace/training/tasks/segmentation.h"

namespace millrace::training {
namespace {

template <class Keys>
Keys read_section(const configs::Node& run, std::string_view name) {
  configs::Section section(run.section(name));
  return configs::read_keys<Keys>(section);
}

const FieldSpec* find_field(const SampleSpec& spec, const std::string& name) {
  const auto found =
      std::find_if(spec.fields.begin(), spec.fields.end(), [&](const FieldSpec& field) { return field.name == name; });
  return found == spec.fields.end() ? nullptr : &*found;
}

bool is_picture(const FieldSpec& field) { return field.shape.size() == 3 && field.dtype == at::kByte; }

bool is_class(const FieldSpec& field) { return field.shape.empty() && at::isIntegralType(field.dtype, false); }

std::string task_of(const FieldSpec& target) {
  if (target.name == "mask") return "segmentation";
  if (is_picture(target)) return "image_to_image";
  return is_class(target) ? "classification" : "regression";
}

int64_t outputs_of(const FieldSpec& target) {
  if (is_picture(target)) return target.shape.front();
  return std::accumulate(target.shape.begin(), target.shape.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

Settings read_settings(const configs::Node& run) {
  Settings settings;
  settings.normalize = read_section<configs::tables::Normalize>(run, "normalize");
  settings.loss = read_section<configs::tables::Loss>(run, "loss");
  settings.mix = read_section<configs::tables::Mix>(run, "mix");
  settings.ema = read_section<configs::tables::Ema>(run, "ema");
  settings.gradients = read_section<configs::tables::Gradients>(run, "gradients");
  settings.checkpoints = read_section<configs::tables::Checkpoints>(run, "checkpoints");
  settings.early_stop = read_section<configs::tables::EarlyStop>(run, "early_stop");
  configs::Section section(run);
  for (const auto& key : configs::tables::top_level_keys()) section.find(key);
  if (settings.early_stop.patience > 0 && !section.find("test"))
    throw run["early_stop"]["patience"].error("looks at the results of the section test, which is not there: add it");
  settings.run = configs::read_keys<configs::tables::Run>(section);
  return settings;
}

c10::Device read_device(const configs::Node& run, const std::string& name) {
  const bool has_cuda = at::hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0;
  if (name == "auto") return has_cuda ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  const auto named = configs::device_named(name);
  const auto node = run["device"];
  if (!named) throw node.error("expected auto, cpu, cuda or cuda:0, cuda:1, ..., found " + in_quotes(name));
  if (named->is_cpu()) return c10::kCPU;
  if (!has_cuda)
    throw node.error(cuda::Driver::find() ? "LibTorch finds no CUDA device: it was built without CUDA"
                                          : cuda::Driver::status().text);
  const int count = at::detail::getCUDAHooks().deviceCount();
  const c10::DeviceIndex index = named->has_index() ? named->index() : c10::DeviceIndex{0};
  if (index >= count) throw node.error("there is no " + name + ": CUDA devices here: " + std::to_string(count));
  return {c10::kCUDA, index};
}

std::optional<c10::ScalarType> amp_type(const std::string& amp) {
  return configs::meaning_of<std::optional<c10::ScalarType>>(
      amp, {{"none", std::nullopt}, {"bfloat16", at::kBFloat16}, {"half", at::kHalf}});
}

transforms::Normalize make_normalize(const configs::Node& run, const configs::tables::Normalize& keys, int64_t channels,
                                     std::optional<c10::ScalarType> amp) {
  const auto fault = [&](const char* key, const std::string& what) {
    return run["normalize"].find(key).value_or(run["normalize"]).error(what);
  };
  for (const auto& [key, values] : {std::pair("mean", keys.mean), std::pair("std", keys.std)})
    if (values.size() != 1 && std::ssize(values) != channels)
      throw fault(key, "expected 1 number" +
                           (channels == 1 ? "" : ", or one for each of the " + counted(channels, "channel")) +
                           ", found " + std::to_string(values.size()));
  if (keys.mean.size() != keys.std.size()) throw fault("std", "expected as many numbers as mean has");
  if (std::any_of(keys.std.begin(), keys.std.end(), [](double value) { return value <= 0; }))
    throw fault("std", "must be positive");
  return {{keys.mean.begin(), keys.mean.end()}, {keys.std.begin(), keys.std.end()}, amp.value_or(at::kFloat)};
}

const FieldSpec* target_field(const SampleSpec& spec) {
  if (const auto* mask = find_field(spec, "mask")) return mask;
  return spec.fields.size() > 1 ? &spec.fields[1] : nullptr;
}

std::vector<std::string> class_names(const configs::Node& run, const Settings& settings, const DataFacts& data) {
  if (!data.classes.empty() && !settings.run.classes) return data.classes;
  if (!settings.run.classes)
    throw run.error("how many classes there are is not said by this dataset; set the key 'classes' beside 'dataset'");
  if (*settings.run.classes < std::ssize(data.classes))
    throw run["classes"].error("the dataset has " + counted(data.classes.size(), "class") + ", found " +
                               std::to_string(*settings.run.classes) + "; remove it, or take a dataset of fewer");
  std::vector<std::string> names;
  for (int64_t i = 0; i < *settings.run.classes; ++i) {
    const auto number = static_cast<size_t>(i);
    names.push_back(number < data.classes.size() ? data.classes[number] : std::to_string(i));
  }
  return names;
}

std::unique_ptr<Task> make_task(const configs::Node& run, const Settings& settings, const DataFacts& data) {
  const FieldSpec* target = target_field(data.spec);
  if (target == nullptr)
    throw run["dataset"].error(
        "its samples, " + to_string(data.spec) +
        ", have no field to learn; training takes data and, behind it, a label, mask or picture");
  const std::string told = task_of(*target);
  const std::string& wanted = settings.run.task;
  const std::string task = wanted == "auto" ? told : wanted;
  // Class numbers may be learned as numbers; nothing else may be taken for what it is not.
  if (task != told && !(task == "regression" && told == "classification"))
    throw run["task"].error("samples are " + to_string(data.spec) + ", which is " + told + ", not " + task);
  if (task == "classification")
    return std::make_unique<Classification>(target->name, class_names(run, settings, data),
                                            settings.loss.label_smoothing);
  if (task == "segmentation")
    return std::make_unique<Segmentation>(target->name, class_names(run, settings, data),
                                          settings.loss.label_smoothing);
  if (settings.loss.label_smoothing > 0)
    throw run["loss"]["label_smoothing"].error("is for classes, of pictures or of pixels; remove it for " + task);
  const auto loss = configs::meaning_of<Regression::Loss>(
      settings.loss.of_pictures, {{"l1", Regression::Loss::kL1}, {"mse", Regression::Loss::kMse}});
  const auto of = is_picture(*target) ? Regression::Of::kPictures : Regression::Of::kNumbers;
  return std::make_unique<Regression>(target->name, of, outputs_of(*target), loss);
}

}  // namespace millrace::training
