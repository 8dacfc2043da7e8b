#include "millrace/configs/transform_types.h"

#include <stdexcept>

#include "millrace/loader/images/transforms/table.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs {

void detail::StepsReader::operator()(const Node& node, transforms::Chain& chain) const {
  chain = types.read_chain(node);
}

void detail::StepsReader::operator()(const Node& node, std::vector<transforms::Chain>& chains) const {
  chains.clear();
  for (const auto& element : steps_of(node)) {
    const bool is_list = element.value().kind == Value::Kind::kList;
    chains.push_back(is_list ? types.read_chain(element) : types.read_step(element));
  }
}

void TransformTypes::put(std::string name, Read read) {
  for (const auto& [present, _] : readers_)
    if (present == name) throw std::logic_error("TransformTypes: there is a transform " + in_quotes(name) + " already");
  readers_.emplace_back(std::move(name), read);
}

template <class... T>
void TransformTypes::put_all(transforms::TypeList<T...>) {
  (put(transforms::yaml_name(T::kName), detail::read_transform<T>), ...);
}

TransformTypes::TransformTypes() { put_all(transforms::NamedTransforms()); }

transforms::Chain TransformTypes::read_step(const Node& node) const {
  const NamedStep step = named_step(node);
  std::vector<std::string> names;
  for (const auto& [known, read] : readers_) {
    if (known == step.name) return read(step.parameters, *this);
    names.push_back(known);
  }
  throw unknown_word(node, step.name, names);
}

transforms::Chain TransformTypes::read_chain(const Node& node) const {
  transforms::Chain chain;
  Problems problems;
  for (const auto& element : steps_of(node))
    problems.collect([&] { chain = build_at(element, [&] { return chain | read_step(element); }); });
  problems.raise();
  return chain;
}

}  // namespace millrace::configs
