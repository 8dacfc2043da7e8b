#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/tables/description.h"

/// What a shell offers for a setting that is being written: keys, names of types, words of enumerations. From the
/// tables, and so without LibTorch. `sections` are describe_sections() or those with a program's own types.
namespace millrace::configs::tables {

/// The `type` that a section has in the configuration at hand, "image_folder" of "test.dataset"; "" where it is not
/// known, and then the keys of all types are offered.
using TypeOfSection = std::function<std::string(const std::string& section)>;

/// The ways to go on from `word`, the beginning of KEY=VALUE: "loader." from "lo", "loader.num_workers=" from
/// "loader.num_w", "dataset.type=image_folder " from "dataset.type=ima". What ends in a space is complete. Sorted; each
/// begins with `word`.
std::vector<std::string> complete_setting(std::string_view word, const TypeOfSection& type_of,
                                          const std::vector<SectionDescription>& sections);

/// The same for what `millrace help config` is asked: a section, or a part of it.
std::vector<std::string> complete_topic(std::string_view word, const std::vector<SectionDescription>& sections);

}  // namespace millrace::configs::tables
