#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "millrace/apps/millrace/bench/machine.h"
#include "millrace/apps/millrace/bench/measurement.h"

namespace millrace::apps {

/// What was measured, of what and where.
struct Report {
  Facts machine;
  Facts settings;
  Measurement measurement;
};

/// A table, and what is to be thought of it.
std::string text_of(const Report& report);

/// The same for programs, as docs/commands.md describes it.
nlohmann::json json_of(const Report& report);

}  // namespace millrace::apps
