#pragma once

#include <string>
#include <vector>

#include "millrace/loader/sample_row.h"

namespace millrace::training {

/// What a model has to know of the data that it is made for.
struct DataFacts {
  std::vector<std::string> classes;  ///< Names, where the dataset has some.
  SampleSpec spec;                   ///< What a sample looks like: first what goes in, then what is learned.

  bool operator==(const DataFacts&) const = default;
};

/// The facts as JSON, which Python reads too, and back. Names that are no UTF-8 have a replacement character for each
/// byte that is wrong. data_facts_from() throws what the JSON library throws, and std::runtime_error for a type that
/// torch does not have.
std::string to_json(const DataFacts& facts);
DataFacts data_facts_from(const std::string& json);

}  // namespace millrace::training
