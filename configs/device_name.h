#pragma once

#include <c10/core/Device.h>

#include <optional>
#include <string_view>

namespace millrace::configs {

/// The device that `text` names: cpu, cuda, or one of several, cuda:1. Of cuda alone it has no index. Nothing for any
/// other text; whether there is such a device here is not asked.
std::optional<c10::Device> device_named(std::string_view text);

}  // namespace millrace::configs
