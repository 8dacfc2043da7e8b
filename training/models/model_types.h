#pragma once

#include <functional>
#include <map>
#include <string>

#include "millrace/configs/node.h"
#include "millrace/training/models/make_model.h"
#include "millrace/training/models/model.h"

namespace millrace::training {

/// The types that `model.type` may name. A program adds its own:
///
///   ModelTypes types;
///   types.add("my_net", [](const configs::Node&, const ModelFacts& facts) { return MyNet(facts.classes); });
///
/// `model: my_net` stands for `model: {type: my_net}`.
class ModelTypes {
 public:
  /// Makes a model from the section `model`, which is empty where it was a name alone. A maker that reads keys asks for
  /// them, and for `type`, by a configs::Section.
  using Maker = std::function<Model(const configs::Node& model, const ModelFacts& facts)>;

  /// Begins with the types of tables::NamedModels.
  ModelTypes();

  /// Adds a type, in the place of one of that name.
  ModelTypes& add(const std::string& type, Maker make);

  /// The model that a section describes, on the CPU, in training mode, with first values that are drawn from
  /// LibTorch's default generator. Throws ConfigError for unknown names and keys, and for what the model
  /// refuses (std::invalid_argument, std::runtime_error).
  Model make(const configs::Node& model, const ModelFacts& facts) const;

 private:
  std::map<std::string, Maker> makers_;
};

}  // namespace millrace::training
