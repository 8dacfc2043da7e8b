#include "millrace/training/models/make_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string>

#include "millrace/configs/read_keys.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/models/checks.h"
#include "millrace/training/models/mlp.h"
#include "millrace/training/models/resnet.h"
#include "millrace/training/models/small_cnn.h"
#include "millrace/training/models/torch_script.h"
#include "millrace/training/models/unet.h"
#include "millrace/training/models/vision_transformer.h"

namespace millrace::training {
namespace {

namespace tables = configs::tables;

ResNetOptions resnet_options(const tables::Stem& keys, const ModelFacts& facts) {
  const auto stem =
      configs::meaning_of<ResNetStem>(keys.stem, {{"imagenet", ResNetStem::kImageNet}, {"small", ResNetStem::kSmall}});
  return {.channels = facts.channels, .classes = facts.classes, .stem = stem};
}

std::string size_of_pictures(const ModelFacts& facts) {
  return std::to_string(facts.channels) + "x" + std::to_string(facts.height) + "x" + std::to_string(facts.width);
}

std::string what_samples_are(const ModelFacts& facts) {
  if (facts.features > 0) return "vectors of " + std::to_string(facts.features);
  if (facts.channels > 0) return "pictures of " + size_of_pictures(facts);
  return "neither pictures nor vectors";
}

void require_pictures(const ModelFacts& facts) {
  if (facts.channels > 0) return;
  throw std::invalid_argument(
      "is for pictures, and the samples are " + what_samples_are(facts) + "; take " +
      (facts.features > 0 ? "mlp, or torch_script for a model of your own" : "torch_script, for a model of your own"));
}

void require_vectors(const ModelFacts& facts) {
  if (facts.features > 0) return;
  throw std::invalid_argument("is for vectors, and the samples are " + what_samples_are(facts) + "; take " +
                              (facts.channels > 0 ? "small_cnn, resnet18, resnet50 or vit_tiny, for masks unet"
                                                  : "torch_script, for a model of your own"));
}

// What a program makes of two samples of zeros: whether it is for such data can only be tried.
at::Tensor tried(const Model& model, const ModelFacts& facts) {
  const at::NoGradGuard no_grad;
  model->eval();  // Trying changes no statistics.
  try {
    return model.forward(facts.features > 0 ? at::zeros({2, facts.features})
                                            : at::zeros({2, facts.channels, facts.height, facts.width}));
  } catch (const std::exception& e) {
    throw std::invalid_argument("the program fails for " + what_samples_are(facts) + ": " + printable_lines(e.what()));
  }
}

}  // namespace

Model make_model(const tables::SmallCnn& keys, const ModelFacts& facts) {
  require_pictures(facts);
  detail::require_halvings("widths", keys.widths.size(), std::min(facts.height, facts.width));
  return SmallCnn(SmallCnnOptions{.channels = facts.channels, .classes = facts.classes, .widths = keys.widths});
}

Model make_model(const tables::ResNet18& keys, const ModelFacts& facts) {
  require_pictures(facts);
  return resnet18(resnet_options(keys.stem, facts));
}

Model make_model(const tables::ResNet50& keys, const ModelFacts& facts) {
  require_pictures(facts);
  return resnet50(resnet_options(keys.stem, facts));
}

Model make_model(const tables::VitTiny& keys, const ModelFacts& facts) {
  require_pictures(facts);
  VisionTransformerOptions tiny;
  tiny.channels = facts.channels;
  tiny.height = facts.height;
  tiny.width = facts.width;
  tiny.classes = facts.classes;
  tiny.patch_size = keys.patch_size;
  tiny.dropout = keys.dropout;
  return VisionTransformer(tiny);
}

Model make_model(const tables::UNet& keys, const ModelFacts& facts) {
  require_pictures(facts);
  if (!keys.widths.empty())
    detail::require_halvings("widths", keys.widths.size() - 1, std::min(facts.height, facts.width));
  return UNet(UNetOptions{.channels = facts.channels, .classes = facts.classes, .widths = keys.widths});
}

Model make_model(const tables::Mlp& keys, const ModelFacts& facts) {
  require_vectors(facts);
  return Mlp(
      MlpOptions{.features = facts.features, .outputs = facts.classes, .widths = keys.widths, .dropout = keys.dropout});
}

Model make_model(const tables::TorchScript& keys, const ModelFacts& facts) {
  Model model = TorchScript(keys.path);
  if (facts.features == 0 && facts.channels == 0) return model;  // Tried with a batch alone.
  const at::Tensor logits = tried(model, facts);
  if (logits.dim() < 2 || logits.size(0) != 2 || logits.size(1) != facts.classes)
    throw std::invalid_argument("the program makes " + c10::str(logits.sizes()) +
                                " of two samples; for these data it has to begin with [2, " +
                                std::to_string(facts.classes) + "]: a number for each class, or for each to learn");
  model->train();
  return model;
}

}  // namespace millrace::training
