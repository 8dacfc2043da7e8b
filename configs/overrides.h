#pragma once

#include <string>

#include "millrace/configs/value.h"

namespace millrace::configs {

/// Sets one value of a document from a command line argument `key.sub=value`.
///
/// The value is read as YAML, so numbers, lists and maps can be given; with nothing after the =, the value becomes
/// nothing. Keys that do not exist are added (the reader of the section complains when it does not know them). A number
/// in the path counts a list's elements from 0. Throws ConfigError when the argument has no =, when the path leads
/// through a plain value, or when it names an element that a list does not have.
void apply_override(Value& root, const std::string& argument);

}  // namespace millrace::configs
