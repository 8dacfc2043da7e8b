#include "millrace/configs/device_name.h"

#include "millrace/sharing/os/whole_number.h"

namespace millrace::configs {

std::optional<c10::Device> device_named(std::string_view text) {
  constexpr std::string_view kNumbered = "cuda:";
  if (text == "cpu") return c10::Device(c10::kCPU);
  if (text == "cuda") return c10::Device(c10::kCUDA);
  if (!text.starts_with(kNumbered)) return std::nullopt;
  const auto index = millrace::detail::whole_number<c10::DeviceIndex>(text.substr(kNumbered.size()));
  if (!index || *index < 0) return std::nullopt;
  return c10::Device(c10::kCUDA, *index);
}

}  // namespace millrace::configs
