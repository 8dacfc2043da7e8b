#pragma once

#include <string>

#include "millrace/plots/picture.h"
#include "millrace/showing/shown_samples.h"

namespace millrace::showing {

/// The samples on one picture: those of pictures as a contact sheet, each as it is in its file beside what the trainer
/// gets; all others as lines of text. REQUIRES: some sample.
plots::Picture sheet_of(const Shown& shown);

/// The last part of a name that is a path: "17.jpg" of "photos/cats/17.jpg".
std::string last_part(const std::string& name);

}  // namespace millrace::showing
