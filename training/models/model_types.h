#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/node.h"
#include "millrace/configs/own_types.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/key.h"
#include "millrace/training/models/make_model.h"
#include "millrace/training/models/model.h"

namespace millrace::training {

/// The types that `model.type` may name. A program adds its own, by a struct with its keys (configs/tables/key.h),
/// which are checked with all else in the file, or by its name alone:
///
///   types.add<MyNetKeys>(
///       [](const MyNetKeys& keys, const ModelFacts& facts) { return MyNet(keys.width, facts.classes); });
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

  /// Adds the type T::kName, of which make(keys, facts) makes a model. Throws std::logic_error when there is one of
  /// that name.
  template <configs::tables::Keyed T, class Make>
  ModelTypes& add(Make make) {
    return add_type(configs::own_type<T>(), [make](const configs::Node& model, const ModelFacts& facts) {
      configs::Section section(model);
      section.find("type");
      return Model(make(configs::read_keys<T>(section), facts));
    });
  }

  /// Adds a type whose section `make` reads. Throws std::logic_error when there is one of that name.
  ModelTypes& add(const std::string& type, Maker make);

  /// The model that a section describes, on the CPU, in training mode, with first values that are drawn from
  /// LibTorch's default generator. Throws ConfigError for unknown names and keys, and for what the model
  /// refuses (std::invalid_argument, std::runtime_error).
  Model make(const configs::Node& model, const ModelFacts& facts) const;

  /// The types that the program added.
  const std::vector<configs::OwnType>& own() const { return own_; }

 private:
  ModelTypes& add_type(configs::OwnType type, Maker make);

  std::map<std::string, Maker> makers_;
  std::vector<configs::OwnType> own_;
};

}  // namespace millrace::training
