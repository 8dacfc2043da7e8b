#include "millrace/configs/check.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "millrace/configs/document.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/configs/tables/synonyms.h"
#include "millrace/configs/transform_fields.h"
#include "millrace/loader/images/transforms/table.h"

namespace millrace::configs {
namespace {

// Steps. Those of the table are read by the lists of their fields, without LibTorch.

void check_step(const Node& element, const OwnTypes& own);

void check_steps(const Node& transforms, const OwnTypes& own) {
  Problems problems;
  problems.collect([&] {
    for (const Node& element : steps_of(transforms)) problems.collect([&] { check_step(element, own); });
  });
  problems.raise();
}

// The lists of transforms that a transform has.
struct InnerSteps {
  const OwnTypes& own;

  void operator()(const Node& node, const transforms::Chain& /*chain*/) const { check_steps(node, own); }

  void operator()(const Node& node, const std::vector<transforms::Chain>& /*chains*/) const {
    Problems problems;
    for (const Node& element : steps_of(node))
      problems.collect([&] {
        const bool is_list = element.value().kind == Value::Kind::kList;
        is_list ? check_steps(element, own) : check_step(element, own);
      });
    problems.raise();
  }
};

template <class... T>
void check_named_step(const Node& element, transforms::TypeList<T...>, const OwnTypes& own) {
  const NamedStep step = named_step(element);
  if (const OwnType* type = find_type(own.transforms, step.name)) return type->check(step.parameters);
  const auto try_type = [&]<class One>(std::type_identity<One>) {
    if (transforms::yaml_name(One::kName) != step.name) return false;
    One transform;
    read_fields(step.parameters, transform, InnerSteps{own});
    return true;
  };
  if ((try_type(std::type_identity<T>()) || ...) || own.has_unknown) return;
  std::vector<std::string> names{transforms::yaml_name(T::kName)...};
  for (const std::string& name : names_of(own.transforms)) names.push_back(name);
  throw unknown_word(element, step.name, names);
}

void check_step(const Node& element, const OwnTypes& own) {
  check_named_step(element, transforms::NamedTransforms(), own);
}

// What names the type of a section: its key `type`, or the section where it is a name alone.
std::optional<Node> type_in(const Node& section) {
  if (section.value().kind == Value::Kind::kScalar) return section;
  return section.value().kind == Value::Kind::kMap ? section.find("type") : std::nullopt;
}

template <class List>
void check_form(const Node& section, tables::OneOf<List> form, const OwnTypes& own);
void check_form(const Node& section, tables::OneOf<tables::AllDatasets> form, const OwnTypes& own);

// The sections below keys of T.
template <tables::Keyed T>
void check_inner(const Node& section, const OwnTypes& own, Problems& problems) {
  tables::for_each_key<T>([&]<class Owner, class Member>(const tables::Key<Owner, Member>& key) {
    const auto inner = tables::ReadElsewhere<Member> ? section.find(key.name) : std::nullopt;
    if (!inner) return;
    problems.collect([&] {
      if constexpr (std::is_same_v<Member, tables::InnerSampler>)
        check_form(*inner, tables::OneOf<tables::NamedSamplers>(), own);
      if constexpr (std::is_same_v<Member, tables::InnerDataset>)
        check_form(*inner, tables::OneOf<tables::AllDatasets>(), own);
      if constexpr (std::is_same_v<Member, tables::InnerDatasets>)
        for (const Node& part : inner->elements())
          problems.collect([&] { check_form(part, tables::OneOf<tables::AllDatasets>(), own); });
    });
  });
}

template <class... T>
bool is_named(std::string_view name, tables::TypeList<T...>) {
  return ((name == T::kName) || ...);
}

// Checks a section whose type is one of the table's, or of those that the program adds to it.
template <class... T>
void check_type(const Node& section, tables::TypeList<T...> types, const std::vector<OwnType>& added,
                const OwnTypes& own) {
  const auto type = type_in(section);
  const std::string name = type ? type->value().text : "";
  if (const OwnType* found = find_type(added, name)) {
    if (found->check) found->check(section);
    return;
  }
  if (type && own.has_unknown && !is_named(name, types)) return;
  Problems problems;
  problems.collect([&] { read_type(section, types, [](const auto&) { return true; }, names_of(added)); });
  const auto check_keys_of = [&]<class One>(One) {
    if (name == One::kName && section.value().kind == Value::Kind::kMap) check_inner<One>(section, own, problems);
  };
  (check_keys_of(T()), ...);
  problems.raise();
}

// Whether a dataset, or one inside of it, is of a type whose reader looks at the transforms too, or may be.
bool has_own_transforms(const Node& dataset, const OwnTypes& own) {
  if (const auto type = type_in(dataset)) {
    const std::string& name = type->value().text;
    if (const OwnType* found = find_type(own.datasets, name)) return !found->check;
    if (own.has_unknown && !is_named(name, tables::AllDatasets())) return true;
  }
  if (dataset.value().kind == Value::Kind::kList) {
    const auto parts = dataset.elements();
    return std::any_of(parts.begin(), parts.end(), [&](const Node& part) { return has_own_transforms(part, own); });
  }
  if (dataset.value().kind != Value::Kind::kMap) return false;
  for (const char* key : {"dataset", "datasets"})
    if (const auto inner = dataset.find(key); inner && has_own_transforms(*inner, own)) return true;
  return false;
}

template <class... T>
std::vector<std::string> names_of_types(tables::TypeList<T...>) {
  return {std::string(T::kName)...};
}

// A folder in the place of a dataset: a path, or a word that looks like no type.
void refuse_path(const Node& dataset, const OwnTypes& own) {
  const Value& value = dataset.value();
  if (value.kind != Value::Kind::kScalar) return;
  auto names = names_of_types(tables::AllDatasets());
  for (const OwnType& type : own.datasets) names.push_back(type.description.name);
  const bool is_path = value.text.find('/') != std::string::npos;
  const bool is_word = !own.has_unknown && advice(value.text).empty() && !nearest(value.text, names);
  if (is_path || is_word)
    throw dataset.error("expected the settings of a dataset, found " + describe(value) +
                        "; of a directory with a folder a class write {type: image_folder, root: " + shown_text(value) +
                        "}; millrace init " + shown_text(value) + " writes a configuration for whatever is there");
}

bool is_number(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// The key of T that a value is meant for which stands in the place of the section: decay for "ema: 0.9".
template <tables::Keyed T>
std::string key_meant_by(const std::string& text) {
  const bool has_number = is_number(text);
  std::string meant;
  bool is_first = true;
  tables::for_each_key<T>([&]<class Owner, class Member>(const tables::Key<Owner, Member>& key) {
    const auto words = tables::split_words(key.words);
    const bool takes_text = words.empty() ? is_first : std::find(words.begin(), words.end(), text) != words.end();
    const bool takes =
        std::is_same_v<Member, std::string> ? !has_number && takes_text : std::is_arithmetic_v<Member> && has_number;
    if (meant.empty() && takes) meant = key.name;
    is_first = false;
  });
  return meant;
}

template <tables::Keyed T>
void refuse_scalar(const Node& section) {
  const Value& value = section.value();
  if (value.kind != Value::Kind::kScalar) return;
  if (const std::string key = key_meant_by<T>(value.text); !key.empty())
    throw section.error("expected a map of settings, found " + describe(value) + "; write {" + key + ": " +
                        shown_text(value) + "}");
}

// The forms of sections.

void check_sections_of(Section& pipeline, const OwnTypes& own, Problems& problems);

template <class List>
void check_form(const Node& section, tables::OneOf<List>, const OwnTypes& own) {
  check_type(section, List(), {}, own);
}

void check_form(const Node& section, tables::OneOf<tables::AllDatasets>, const OwnTypes& own) {
  refuse_path(section, own);
  check_type(section, tables::AllDatasets(), own.datasets, own);
}

template <class T>
void check_form(const Node& section, tables::KeysOf<T>, const OwnTypes&) {
  refuse_scalar<T>(section);
  Section keys(section);
  read_keys<T>(keys);
}

void check_form(const Node& section, tables::Steps, const OwnTypes& own) { check_steps(section, own); }

void check_form(const Node& section, tables::Pipeline, const OwnTypes& own) {
  Section keys(section);
  Problems problems;
  check_sections_of(keys, own, problems);
  problems.collect([&] { keys.finish(); });
  problems.raise();
}

// The types that a program adds to those of a list.
const std::vector<OwnType>& added_to(tables::NamedModels, const OwnTypes& own) { return own.models; }
template <class List>
std::vector<OwnType> added_to(List, const OwnTypes&) {
  return {};
}

// Whether a key is the name of a type, "sgd: {lr: 0.1}".
template <class List>
bool has_type_as_key(const Node& section, List types) {
  const auto& members = section.value().members;
  return std::any_of(members.begin(), members.end(), [&](const Member& one) { return is_named(one.key, types); });
}

// Where no type is named, it is one that training chooses.
template <class List, class Default>
void check_form(const Node& section, tables::OneOfOrDefault<List, Default>, const OwnTypes& own) {
  const bool is_map = section.value().kind == Value::Kind::kMap;
  if (is_map && !section.find("type") && !has_type_as_key(section, List())) {
    Section keys(section);
    keys.find("type");
    read_keys<Default>(keys);
  } else {
    check_type(section, List(), added_to(List(), own), own);
  }
}

// Asks the map for all sections of a pipeline, and checks those that are there.
void check_sections_of(Section& pipeline, const OwnTypes& own, Problems& problems) {
  tables::for_each_pipeline_section([&](const tables::SectionHead& head, auto) { pipeline.find(head.name); });
  const auto dataset = pipeline.node().find("dataset");
  const bool are_own = dataset && has_own_transforms(*dataset, own);
  tables::for_each_pipeline_section([&]<class Form>(const tables::SectionHead& head, Form form) {
    constexpr bool kIsRequired = std::is_same_v<Form, tables::OneOf<tables::AllDatasets>>;
    if (are_own && std::is_same_v<Form, tables::Steps>) return;
    problems.collect([&] {
      const auto section = kIsRequired ? pipeline.child(head.name, std::string(head.about)) : pipeline.find(head.name);
      if (section) check_form(*section, form, own);
    });
  });
}

}  // namespace

void check_pipeline(const Node& pipeline, const OwnTypes& own) {
  Section sections(pipeline);
  Problems problems;
  check_sections_of(sections, own, problems);
  problems.raise();
}

void check_run(const Node& run, const OwnTypes& own) {
  Section keys(run);
  for (const auto& key : tables::top_level_keys()) keys.find(key);
  Problems problems;
  check_sections_of(keys, own, problems);
  tables::for_each_other_section([&](const tables::SectionHead& head, auto form) {
    if (const auto section = keys.find(head.name)) problems.collect([&] { check_form(*section, form, own); });
  });
  problems.collect([&] { read_keys<tables::Run>(keys); });
  problems.raise();
}

Node load_run(const std::string& file, const std::vector<std::string>& overrides, const FindOwnTypes& find_own) {
  Problems problems;
  const Node run = load(file, overrides, problems);
  OwnTypes own{.has_unknown = true};
  if (run.value().kind == Value::Kind::kMap) problems.collect([&] { own = find_own(run); });
  problems.collect([&] { check_run(run, own); });
  problems.raise();
  return run;
}

Node load_run(const std::string& file, const std::vector<std::string>& overrides) {
  return load_run(file, overrides, [](const Node&) { return OwnTypes(); });
}

}  // namespace millrace::configs
