#pragma once

#include <optional>
#include <string>

#include "millrace/showing/shown_samples.h"
#include "millrace/showing/statistics.h"

namespace millrace::showing {

/// The samples and what the dataset is made of as a page of HTML in one file (plots/page.h). `title` is what was looked
/// at; without statistics there are the samples alone.
std::string page_of(const std::string& title, const Shown& shown, const std::optional<Statistics>& statistics);

}  // namespace millrace::showing
