#include "millrace/configs/check.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <type_traits>

#include "millrace/configs/document.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/configs/transform_fields.h"
#include "millrace/loader/images/transforms/table.h"

namespace millrace::configs {
namespace {

void check_step(const Node& element);

void check_steps(const Node& transforms) {
  Problems problems;
  problems.collect([&] {
    for (const Node& element : steps_of(transforms)) problems.collect([&] { check_step(element); });
  });
  problems.raise();
}

// The lists of transforms that a transform has.
struct InnerSteps {
  void operator()(const Node& node, const transforms::Chain& /*chain*/) const { check_steps(node); }

  void operator()(const Node& node, const std::vector<transforms::Chain>& /*chains*/) const {
    Problems problems;
    for (const Node& element : steps_of(node))
      problems.collect([&] {
        const bool is_list = element.value().kind == Value::Kind::kList;
        is_list ? check_steps(element) : check_step(element);
      });
    problems.raise();
  }
};

template <class... T>
void check_named_step(const Node& element, const NamedStep& step, transforms::TypeList<T...>) {
  const auto try_type = [&]<class One>(std::type_identity<One>) {
    if (transforms::yaml_name(One::kName) != step.name) return false;
    One transform;
    read_fields(step.parameters, transform, InnerSteps());
    return true;
  };
  if (!(try_type(std::type_identity<T>()) || ...))
    throw unknown_word(element, step.name, {transforms::yaml_name(T::kName)...});
}

void check_step(const Node& element) { check_named_step(element, named_step(element), transforms::NamedTransforms()); }

bool contains_name(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<Node> type_in(const Node& section) {
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
void check_type(const Node& section, tables::TypeList<T...> types, const std::vector<std::string>& others,
                const OwnTypes& own) {
  Problems problems;
  problems.collect([&] { read_type(section, types, [](const auto&) { return true; }, others); });
  const auto type = type_in(section);
  const auto check_keys_of = [&]<class One>(One) {
    if (type->value().text == One::kName) check_inner<One>(section, own, problems);
  };
  if (type) (check_keys_of(T()), ...);
  problems.raise();
}

// Whether the type of a dataset is one of the program's own.
bool is_own(const Node& dataset, const OwnTypes& own) {
  const bool is_name = dataset.value().kind == Value::Kind::kScalar;
  const auto type = is_name ? dataset : type_in(dataset);
  return type && contains_name(own.datasets, type->value().text);
}

// Whether it is, or that of a dataset inside of it.
bool has_own(const Node& dataset, const OwnTypes& own) {
  if (is_own(dataset, own)) return true;
  if (dataset.value().kind == Value::Kind::kList) {
    const auto parts = dataset.elements();
    return std::any_of(parts.begin(), parts.end(), [&](const Node& part) { return has_own(part, own); });
  }
  if (dataset.value().kind != Value::Kind::kMap) return false;
  for (const char* key : {"dataset", "datasets"})
    if (const auto inner = dataset.find(key); inner && has_own(*inner, own)) return true;
  return false;
}

void refuse_path(const Node& dataset) {
  const Value& value = dataset.value();
  if (value.kind == Value::Kind::kScalar && value.text.find('/') != std::string::npos)
    throw dataset.error("expected the settings of a dataset, found " + describe(value) +
                        "; of a directory write {type: image_folder, root: " + shown_text(value) + "}");
}

// The forms of sections.

void check_sections_of(Section& pipeline, const OwnTypes& own, Problems& problems);

template <class List>
void check_form(const Node& section, tables::OneOf<List>, const OwnTypes& own) {
  check_type(section, List(), {}, own);
}

void check_form(const Node& section, tables::OneOf<tables::AllDatasets>, const OwnTypes& own) {
  if (is_own(section, own)) return;
  refuse_path(section);
  check_type(section, tables::AllDatasets(), own.datasets, own);
}

template <class T>
void check_form(const Node& section, tables::KeysOf<T>, const OwnTypes&) {
  Section keys(section);
  read_keys<T>(keys);
}

void check_form(const Node& section, tables::Steps, const OwnTypes&) { check_steps(section); }

void check_form(const Node& section, tables::Pipeline, const OwnTypes& own) {
  Section keys(section);
  Problems problems;
  check_sections_of(keys, own, problems);
  problems.collect([&] { keys.finish(); });
  problems.raise();
}

template <class List>
void check_form(const Node&, tables::Unchecked<List>, const OwnTypes&) {}

// Asks the map for all sections of a pipeline, and checks those that are there.
void check_sections_of(Section& pipeline, const OwnTypes& own, Problems& problems) {
  tables::for_each_pipeline_section([&](const tables::SectionHead& head, auto) { pipeline.find(head.name); });
  const auto dataset = pipeline.node().find("dataset");
  const bool has_own_transforms = dataset && has_own(*dataset, own);
  tables::for_each_pipeline_section([&]<class Form>(const tables::SectionHead& head, Form form) {
    constexpr bool kIsRequired = std::is_same_v<Form, tables::OneOf<tables::AllDatasets>>;
    if (has_own_transforms && std::is_same_v<Form, tables::Steps>) return;
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

Node load_run(const std::string& file, const std::vector<std::string>& overrides, const OwnTypes& own) {
  Problems problems;
  const Node run = load(file, overrides, problems);
  problems.collect([&] { check_run(run, own); });
  problems.raise();
  return run;
}

}  // namespace millrace::configs
