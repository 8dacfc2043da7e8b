#pragma once

#include <cstdint>
#include <string_view>

namespace millrace::records {

/// The CRC-32C of some bytes (polynomial 0x1EDC6F41, reflected), as iSCSI, ext4 and TFRecord files have it.
uint32_t crc32c(std::string_view bytes);

}  // namespace millrace::records
