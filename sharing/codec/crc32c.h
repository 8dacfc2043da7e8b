#pragma once

#include <cstdint>
#include <string_view>

namespace millrace {

/// The CRC-32C of some bytes (polynomial 0x1EDC6F41, reflected), as iSCSI, ext4 and TFRecord files have it. It finds
/// each change of up to 32 bits in a row. Bytes that come in pieces are summed by `sum = crc32c(piece, sum)`.
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);

/// The CRC-32C of some bytes as TFRecord files have it, turned and shifted: a CRC of bytes that have CRCs in them is a
/// weak one.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace millrace
