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

// What a program makes of two black pictures: whether it is for such data can only be tried.
at::Tensor tried(const Model& model, const ModelFacts& facts) {
  const at::NoGradGuard no_grad;
  model->eval();  // Trying changes no statistics.
  try {
    return model.forward(at::zeros({2, facts.channels, facts.height, facts.width}));
  } catch (const std::exception& e) {
    throw std::invalid_argument("the program fails for pictures of " + std::to_string(facts.channels) + "x" +
                                std::to_string(facts.height) + "x" + std::to_string(facts.width) + ": " +
                                printable_lines(e.what()));
  }
}

}  // namespace

Model make_model(const tables::SmallCnn& keys, const ModelFacts& facts) {
  detail::require_halvings("widths", keys.widths.size(), std::min(facts.height, facts.width));
  return SmallCnn(SmallCnnOptions{.channels = facts.channels, .classes = facts.classes, .widths = keys.widths});
}

Model make_model(const tables::ResNet18& keys, const ModelFacts& facts) {
  return resnet18(resnet_options(keys.stem, facts));
}

Model make_model(const tables::ResNet50& keys, const ModelFacts& facts) {
  return resnet50(resnet_options(keys.stem, facts));
}

Model make_model(const tables::VitTiny& keys, const ModelFacts& facts) {
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
  if (!keys.widths.empty())
    detail::require_halvings("widths", keys.widths.size() - 1, std::min(facts.height, facts.width));
  return UNet(UNetOptions{.channels = facts.channels, .classes = facts.classes, .widths = keys.widths});
}

Model make_model(const tables::TorchScript& keys, const ModelFacts& facts) {
  Model model = TorchScript(keys.path);
  const at::Tensor logits = tried(model, facts);
  if (logits.dim() < 2 || logits.size(0) != 2 || logits.size(1) != facts.classes)
    throw std::invalid_argument("the program makes " + c10::str(logits.sizes()) +
                                " of two pictures; for these data it has to begin with [2, " +
                                std::to_string(facts.classes) + "]: one logit for each class");
  model->train();
  return model;
}

}  // namespace millrace::training
