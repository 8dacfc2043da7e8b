#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/tables/key.h"

/// The section `model`. Channels, height, width and classes are the data's to say.
namespace millrace::configs::tables {

struct SmallCnn {
  std::vector<int64_t> widths = {32, 64, 128};

  static constexpr std::string_view kName = "small_cnn";
  static constexpr std::string_view kMakes = "SmallCnn";
  static constexpr std::string_view kAbout = "A convolutional network for small pictures.";
  static constexpr auto keys() {
    return list(key("widths", &SmallCnn::widths, "Channels after each stage; each stage halves height and width."));
  }
};

/// The keys that the ResNets have in common.
struct Stem {
  std::string stem = "imagenet";

  static constexpr auto keys() {
    return list(key("stem", &Stem::stem, "imagenet for pictures of some 224 pixels, small for some 32.")
                    .one_of("imagenet, small"));
  }
};

struct ResNet18 {
  Stem stem;

  static constexpr std::string_view kName = "resnet18";
  static constexpr std::string_view kMakes = "resnet18()";
  static constexpr std::string_view kAbout = "torchvision's ResNet of 18 layers, for classes of pictures.";
  static constexpr auto keys() { return list(keys_of(&ResNet18::stem)); }
};

struct ResNet50 {
  Stem stem;

  static constexpr std::string_view kName = "resnet50";
  static constexpr std::string_view kMakes = "resnet50()";
  static constexpr std::string_view kAbout = "torchvision's ResNet of 50 layers, likewise.";
  static constexpr auto keys() { return list(keys_of(&ResNet50::stem)); }
};

struct VitTiny {
  int64_t patch_size = 16;
  double dropout = 0;

  static constexpr std::string_view kName = "vit_tiny";
  static constexpr std::string_view kMakes = "VisionTransformer";
  static constexpr std::string_view kAbout =
      "torchvision's VisionTransformer with 12 layers of 192 numbers and 3 heads.";
  static constexpr auto keys() {
    return list(
        key("patch_size", &VitTiny::patch_size, "The squares that pictures are cut into; it divides their sides.")
            .in("pixels")
            .at_least(1),
        key("dropout", &VitTiny::dropout, "The share of values that training sets to zero behind each part.")
            .within(0, 1));
  }
};

struct UNet {
  std::vector<int64_t> widths = {16, 32, 64, 128};

  static constexpr std::string_view kName = "unet";
  static constexpr std::string_view kMakes = "UNet";
  static constexpr std::string_view kAbout = "A U-Net, for masks: a class for each pixel.";
  static constexpr auto keys() {
    return list(
        key("widths", &UNet::widths, "Channels of each level; each level below the first halves height and width."));
  }
};

struct Mlp {
  std::vector<int64_t> widths = {128};
  double dropout = 0;

  static constexpr std::string_view kName = "mlp";
  static constexpr std::string_view kMakes = "Mlp";
  static constexpr std::string_view kAbout = "A network of hidden layers, for vectors.";
  static constexpr auto keys() {
    return list(
        key("widths", &Mlp::widths, "Numbers behind each hidden layer; [] makes a linear model."),
        key("dropout", &Mlp::dropout, "The share of values that training sets to zero behind each hidden layer.")
            .within(0, 1));
  }
};

struct TorchScript {
  std::string path;

  static constexpr std::string_view kName = "torch_script";
  static constexpr std::string_view kMakes = "TorchScript";
  static constexpr std::string_view kAbout = "A model that Python wrote with torch.jit.script(model).save(path).";
  static constexpr auto keys() {
    return list(key("path", &TorchScript::path, "The file. It is a program.").required());
  }
};

/// The table of models that have a name in YAML, in the order of the reference.
using NamedModels = TypeList<SmallCnn, ResNet18, ResNet50, VitTiny, UNet, Mlp, TorchScript>;

}  // namespace millrace::configs::tables
