#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "millrace/apps/millrace/bench/feeding.h"
#include "millrace/apps/millrace/bench/machine.h"
#include "millrace/apps/millrace/bench/measurement.h"
#include "millrace/apps/millrace/bench/peer_python.h"
#include "millrace/apps/millrace/bench/traced.h"

namespace millrace::apps {

/// What was measured, of what and where.
struct Report {
  Facts machine;
  Facts settings;
  Measurement measurement;
  std::optional<Feeding> feeding;  ///< Where a step was asked for.
  std::optional<Peer> peer;        ///< Where that was asked for.
  std::optional<Traced> traced;    ///< Where a page or a trace was asked for, behind all that is measured.
};

/// What the time went to while steps were done, where they were, else while the loader was alone: what keeps a loader
/// that nobody waits for from giving more is no matter.
const Breakdown& breakdown_of(const Report& report);

/// A table, and what is to be thought of it.
std::string text_of(const Report& report);

/// The same for programs, as docs/commands.md describes it.
nlohmann::json json_of(const Report& report);

}  // namespace millrace::apps
