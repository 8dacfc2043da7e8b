#pragma once

#include <string>
#include <string_view>

namespace millrace::records {

/// One record of a TFRecord file, which is such records one behind the other: the length of `payload` in eight bytes,
/// the checksum of these, the payload, its checksum. Numbers are little-endian, checksums are crc32c() masked.
std::string tf_record(std::string_view payload);

}  // namespace millrace::records
