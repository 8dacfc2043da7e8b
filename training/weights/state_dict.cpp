#include "millrace/training/weights/state_dict.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/configs/tables/nearest.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::training {
namespace {

void append_own(const std::string& layer, const torch::nn::Module& module, NamedTensors& weights) {
  const auto append = [&](const auto& entries) {
    for (const auto& entry : entries)
      if (entry.value().defined())
        weights.push_back({layer.empty() ? entry.key() : layer + "." + entry.key(), entry.value().detach()});
  };
  append(module.named_parameters(false));
  append(module.named_buffers(false));
}

bool is_in_layer(std::string_view name, std::string_view layer) {
  return name.starts_with(layer) && (name.size() == layer.size() || name[layer.size()] == '.');
}

bool is_in_one_of(std::string_view name, const std::vector<std::string>& layers) {
  return std::any_of(layers.begin(), layers.end(), [&](const auto& layer) { return is_in_layer(name, layer); });
}

// "layer1", "layer1.0", "layer1.0.conv1" and "layer1.0.conv1.weight" of the last.
std::vector<std::string> layers_of(const NamedTensors& weights) {
  std::set<std::string> layers;
  for (const auto& [name, tensor] : weights)
    for (size_t end = 0; end != name.npos;) layers.insert(name.substr(0, end = name.find('.', end + 1)));
  return {layers.begin(), layers.end()};
}

void require_layers(const NamedTensors& weights, const std::vector<std::string>& layers) {
  for (const auto& layer : layers) {
    const bool is_there = std::any_of(weights.begin(), weights.end(),
                                      [&](const auto& weight) { return is_in_layer(weight.name, layer); });
    if (!is_there)
      throw std::invalid_argument("except: the model has no layer " + in_quotes(layer) +
                                  configs::did_you_mean(layer, layers_of(weights)));
  }
}

std::string shape_text(const at::Tensor& tensor) {
  std::string text;
  for (const int64_t side : tensor.sizes()) text.append(text.empty() ? "" : ", ").append(std::to_string(side));
  return "[" + text + "]";
}

// What differs between the weights of a model and those that it is to take.
class Differences {
 public:
  Differences(const NamedTensors& own, const NamedTensors& given, const std::vector<std::string>& except) {
    std::map<std::string_view, const at::Tensor*> found;
    for (const auto& [name, tensor] : given)
      if (!is_in_one_of(name, except)) found.emplace(name, &tensor);
    for (const auto& weight : own) {
      if (is_in_one_of(weight.name, except)) continue;
      const auto match = found.find(weight.name);
      if (match == found.end()) {
        missing_.push_back(weight);
      } else {
        if (match->second->sizes() != weight.tensor.sizes())
          reshaped_.push_back(in_quotes(weight.name) + " is " + shape_text(*match->second) + ", the model's " +
                              shape_text(weight.tensor));
        found.erase(match);
      }
    }
    for (const auto& weight : given)
      if (found.contains(weight.name)) unexpected_.push_back(weight);
  }

  bool any() const { return !missing_.empty() || !unexpected_.empty() || !reshaped_.empty(); }

  // What to do, and then a line a weight: of each kind those of the first names.
  std::string str() const {
    std::vector<std::string> lines, of_kind;
    const auto end_kind = [&](const char* kind) {
      std::sort(of_kind.begin(), of_kind.end());
      for (const auto& line : of_kind) lines.push_back(kind + line);
      of_kind.clear();
    };
    of_kind = reshaped_;
    end_kind("of another shape: ");
    for (const auto& weight : missing_) of_kind.push_back(line_of(weight));
    end_kind("missing: ");
    for (const auto& weight : unexpected_) of_kind.push_back(line_of(weight) + meant(weight.name));
    end_kind("unexpected: ");
    constexpr size_t kMostTold = 10;
    std::string text = "the weights do not fit the model; " + cure();
    for (size_t i = 0; i < std::min(lines.size(), kMostTold); ++i) text += "\n  " + lines[i];
    if (lines.size() > kMostTold) text += "\n  and " + std::to_string(lines.size() - kMostTold) + " more";
    return text;
  }

 private:
  static std::string line_of(const NamedTensor& weight) {
    return in_quotes(weight.name) + " " + shape_text(weight.tensor);
  }

  // Comparing takes a time of the names' lengths, and nobody's name is that long.
  std::string meant(const std::string& name) const {
    constexpr size_t kLongest = 200;
    std::vector<std::string> names;
    for (const auto& weight : missing_) names.push_back(weight.name);
    return name.size() <= kLongest ? configs::did_you_mean(name, names) : "";
  }

  std::string cure() const {
    constexpr std::string_view kWrapper = "module.";
    const bool is_wrapped =
        !unexpected_.empty() && std::all_of(unexpected_.begin(), unexpected_.end(),
                                            [&](const auto& weight) { return weight.name.starts_with(kWrapper); });
    if (is_wrapped) return "DistributedDataParallel puts 'module.' before names: save model.module.state_dict()";
    return "where the model is another one on purpose, name what keeps its own values, as in except: [fc]";
  }

  NamedTensors missing_;
  NamedTensors unexpected_;
  std::vector<std::string> reshaped_;
};

}  // namespace

NamedTensors weights_of(const torch::nn::Module& model) {
  NamedTensors weights;
  append_own("", model, weights);
  for (const auto& entry : model.named_modules("", false)) append_own(entry.key(), *entry.value(), weights);
  return weights;
}

void apply_weights(torch::nn::Module& model, const NamedTensors& weights, const std::vector<std::string>& except) {
  const auto own = weights_of(model);
  require_layers(own, except);
  const Differences differences(own, weights, except);
  if (differences.any()) throw std::invalid_argument(differences.str());
  std::map<std::string_view, at::Tensor> targets;
  for (const auto& [name, tensor] : own)
    if (!is_in_one_of(name, except)) targets.emplace(name, tensor);
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : weights)
    if (const auto target = targets.find(name); target != targets.end()) target->second.copy_(tensor);
}

}  // namespace millrace::training
