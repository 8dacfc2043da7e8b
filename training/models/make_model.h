#pragma once

#include <cstdint>

#include "millrace/configs/tables/model_keys.h"
#include "millrace/training/models/model.h"

/// Models from configurations: an overload for each type of tables::NamedModels.
namespace millrace::training {

/// What the data says of a model.
struct ModelFacts {
  int64_t channels = 0;  ///< Of the pictures.
  int64_t height = 0;    ///< In pixels.
  int64_t width = 0;     ///< In pixels.
  int64_t classes = 0;   ///< Of the pictures, or of their pixels.
};

/// All throw std::invalid_argument for keys that have no meaning for these facts; that of TorchScript also
/// std::runtime_error for the file.
Model make_model(const configs::tables::SmallCnn& keys, const ModelFacts& facts);
Model make_model(const configs::tables::ResNet18& keys, const ModelFacts& facts);
Model make_model(const configs::tables::ResNet50& keys, const ModelFacts& facts);
Model make_model(const configs::tables::VitTiny& keys, const ModelFacts& facts);
Model make_model(const configs::tables::UNet& keys, const ModelFacts& facts);
Model make_model(const configs::tables::TorchScript& keys, const ModelFacts& facts);

}  // namespace millrace::training
