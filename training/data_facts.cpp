#include "millrace/training/data_facts.h"

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "millrace/sharing/os/printable.h"

namespace millrace::training {
namespace {

// The type of a name that c10::toString() gave, such as "Byte".
c10::ScalarType dtype_named(const std::string& name) {
  for (int8_t number = 0; number < static_cast<int8_t>(c10::ScalarType::NumOptions); ++number) {
    const auto dtype = static_cast<c10::ScalarType>(number);
    if (name == c10::toString(dtype)) return dtype;
  }
  throw std::runtime_error("torch has no type " + in_quotes(name));
}

}  // namespace

std::string to_json(const DataFacts& facts) {
  auto fields = nlohmann::json::array();
  for (const FieldSpec& field : facts.spec.fields)
    fields.push_back({{"name", field.name}, {"dtype", c10::toString(field.dtype)}, {"shape", field.shape}});
  constexpr int kOnOneLine = -1;
  constexpr bool kUtf8 = false;
  return nlohmann::json{{"classes", facts.classes}, {"fields", fields}}.dump(kOnOneLine, ' ', kUtf8,
                                                                             nlohmann::json::error_handler_t::replace);
}

DataFacts data_facts_from(const std::string& text) {
  const auto object = nlohmann::json::parse(text);
  DataFacts facts;
  object.at("classes").get_to(facts.classes);
  for (const auto& field : object.at("fields"))
    facts.spec.fields.push_back({field.at("name").get<std::string>(), dtype_named(field.at("dtype").get<std::string>()),
                                 field.at("shape").get<std::vector<int64_t>>()});
  return facts;
}

}  // namespace millrace::training
