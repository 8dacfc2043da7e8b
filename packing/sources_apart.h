#pragma once

#include "millrace/packing/plan.h"
#include "millrace/packing/sources.h"

namespace millrace::packing {

/// Throws std::runtime_error where writing the plan's shards would change what they are made of: a file that is packed
/// lies in their folder, or their folder lies in the one that is packed, or is it. By device and inode, so whatever
/// names lead there.
void require_sources_apart(const Source& source, const Plan& plan);

}  // namespace millrace::packing
