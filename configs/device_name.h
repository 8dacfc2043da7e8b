#pragma once

#include <c10/core/Device.h>

#include <optional>
#include <string_view>

namespace millrace::configs {

/// The device that `text` names: cpu, cuda, or one of several, cuda:1. The device of "cuda" has no index. Nothing for
/// any other text. Whether this machine has the device is not asked.
std::optional<c10::Device> device_named(std::string_view text);

}  // namespace millrace::configs
