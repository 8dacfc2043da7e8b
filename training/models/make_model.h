#pragma once

#include <cstdint>

#include "millrace/configs/tables/model_keys.h"
#include "millrace/training/models/model.h"

/// Models from configurations: an overload for each type of tables::NamedModels.
namespace millrace::training {

/// The numbers of a model that the data says.
struct ModelFacts {
  int64_t channels = 0;  ///< The pictures' channels.
  int64_t height = 0;    ///< The pictures' height in pixels.
  int64_t width = 0;     ///< Their width in pixels.
  int64_t classes = 0;   ///< Classes of pictures, or of their pixels; numbers to learn.
  int64_t features = 0;  ///< Numbers of a vector, of samples that are vectors and no pictures.
};

/// Each makes the model of its keys for these facts. Throws std::invalid_argument for keys that have no meaning for
/// them; the last also std::runtime_error for the file.
Model make_model(const configs::tables::SmallCnn& keys, const ModelFacts& facts);
Model make_model(const configs::tables::ResNet18& keys, const ModelFacts& facts);
Model make_model(const configs::tables::ResNet50& keys, const ModelFacts& facts);
Model make_model(const configs::tables::VitTiny& keys, const ModelFacts& facts);
Model make_model(const configs::tables::UNet& keys, const ModelFacts& facts);
Model make_model(const configs::tables::Mlp& keys, const ModelFacts& facts);
Model make_model(const configs::tables::TorchScript& keys, const ModelFacts& facts);

}  // namespace millrace::training
