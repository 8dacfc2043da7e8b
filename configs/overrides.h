#pragma once

#include <string>
#include <vector>

#include "millrace/configs/value.h"

namespace millrace::configs {

/// Changes a document by an argument of the command line:
///
///   key.sub=value       sets a value; keys on the way that do not exist are added
///   +key.sub=value      adds a key, which must be new; +list.0=value inserts an element of a list before that
///   ~key.sub            removes a key or an element, which must be there
///   key.sub+=value      appends to a list; of a list, each of its elements
///
/// A value is read as YAML, so numbers, lists and maps can be given; nothing after = sets the value to nothing. A part
/// of a key names an element of a list by its number, counted from 0, or by its name: transforms.resize.size=64 reaches
/// into "- resize: {size: 32}", and into "- resize".
///
/// Which keys a section may have is not known here: its reader refuses others. `number` is that of the argument, by
/// which errors are sorted. Throws ConfigError when the argument has another form, when the path leads through a plain
/// value, and when it names an element that a list does not have.
void apply_override(Value& root, const std::string& argument, int number = 1);

/// What such arguments have changed in a document, as a piece of YAML whose values take the place of those before: of a
/// list it has all elements, since no key stands for one. What was removed is not in it. Throws ConfigError as
/// apply_override() for an argument of another form.
Value parts_changed_by(const std::vector<std::string>& arguments, const Value& document);

}  // namespace millrace::configs
