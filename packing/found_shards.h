#pragma once

#include <optional>
#include <string>

#include "millrace/packing/plan.h"
#include "millrace/packing/sample_list.h"
#include "millrace/packing/write_shard.h"

namespace millrace::packing {

/// What an earlier packer left of a shard: nothing where it has to be written. Samples that were left out then are
/// broken now.
std::optional<WrittenShard> find_shard(const PlannedShard& shard, const SampleList& samples);

/// A shard in the plan's folder that is none of the plan and is called as if it were; nothing where there is none.
std::optional<std::string> find_other_shard(const Plan& plan);

}  // namespace millrace::packing
