#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/tables/description.h"

namespace millrace::transforms {
struct Description;
}

/// All that a configuration may say, in words: `millrace help config` and docs/configs.md.
namespace millrace::configs::tables {

/// A transform as a thing that the section `transforms` may name.
Description describe_transform(const transforms::Description& transform);

/// The sections, in the order of the reference.
std::vector<SectionDescription> describe_sections();

/// The lines of `millrace help config` for a topic: "" for the list of sections, "sampler", "sampler.random",
/// "loader.batch_size", "transforms.resize". For another topic throws std::invalid_argument that names the topics there
/// are.
std::string help_text(std::string_view topic);

/// The same of these sections, for a program that adds entries to them.
std::string help_text(std::string_view topic, const std::vector<SectionDescription>& sections);

/// The part of docs/configs.md that is made from the tables.
std::string reference_page();

}  // namespace millrace::configs::tables
