#pragma once

#include <optional>
#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/comparison.h"
#include "millrace/apps/millrace/bench/report.h"
#include "millrace/apps/millrace/bench/sweep.h"

namespace millrace::apps {

/// An earlier measurement, and what comes of comparing.
struct Compared {
  std::string name;
  Saved then;
  Saved now;
  Comparison comparison;
};

/// A measurement as a page of HTML that is one file (plots/page.h): what each number means, the rate over time, how
/// long next() takes, and where there is one the earlier measurement beside it.
std::string page_of(const Report& report, const std::string& config, const std::optional<Compared>& compared);

/// A sweep as such a page: the settings beside each other, and the best as YAML.
std::string page_of(const std::vector<Setting>& settings, const std::string& config);

/// Writes a page, whole or not at all. Throws SyscallError.
void write_page(const std::string& page, const std::string& path);

}  // namespace millrace::apps
