#include "millrace/training/models/model_types.h"

#include <exception>
#include <stdexcept>
#include <utility>

#include "millrace/configs/tables/model_keys.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::training {
namespace {

template <class... T>
void add_all(ModelTypes& types, configs::tables::TypeList<T...>) {
  (types.add<T>([](const T& keys, const ModelFacts& facts) { return make_model(keys, facts); }), ...);
}

}  // namespace

ModelTypes::ModelTypes() {
  add_all(*this, configs::tables::NamedModels());
  own_.clear();  // All so far are those of the table.
}

ModelTypes& ModelTypes::add_type(configs::OwnType type, Maker make) {
  const std::string name = type.description.name;
  if (!makers_.emplace(name, std::move(make)).second)
    throw std::logic_error("ModelTypes: there is a model " + in_quotes(name) + " already");
  own_.push_back(std::move(type));
  return *this;
}

ModelTypes& ModelTypes::add(const std::string& type, Maker make) {
  return add_type(configs::own_type(type), std::move(make));
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
