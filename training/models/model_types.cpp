#include "millrace/training/models/model_types.h"

#include <exception>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/model_keys.h"

namespace millrace::training {
namespace {

template <configs::tables::Keyed T>
Model make_named(const configs::Node& model, const ModelFacts& facts) {
  configs::Section section(model);
  section.find("type");
  const T keys = configs::read_keys<T>(section);
  section.finish();
  return make_model(keys, facts);
}

template <class... T>
void add_all(ModelTypes& types, configs::tables::TypeList<T...>) {
  (types.add(std::string(T::kName), make_named<T>), ...);
}

}  // namespace

ModelTypes::ModelTypes() { add_all(*this, configs::tables::NamedModels()); }

ModelTypes& ModelTypes::add(const std::string& type, Maker make) {
  makers_[type] = std::move(make);
  return *this;
}

Model ModelTypes::make(const configs::Node& model, const ModelFacts& facts) const {
  const bool is_name = model.value().kind == configs::Value::Kind::kScalar;
  const configs::Node type = is_name ? model : model["type"];
  const auto name = configs::read<std::string>(type);
  const auto found = makers_.find(name);
  if (found == makers_.end()) {
    std::vector<std::string> names;
    for (const auto& [known, maker] : makers_) names.push_back(known);
    throw configs::unknown_word(type, name, names);
  }
  return configs::build_at<std::exception>(model,
                                           [&] { return found->second(is_name ? model.emptied() : model, facts); });
}

}  // namespace millrace::training
