#include "millrace/records/tf_record.h"

#include <cstdint>

#include "millrace/records/crc32c.h"
#include "millrace/records/little_endian.h"

namespace millrace::records {
namespace {

// A CRC of bytes that have CRCs in them is a weak one, so TFRecord turns and shifts it.
uint32_t masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8; }

}  // namespace

std::string tf_record(std::string_view payload) {
  std::string record;
  append_little_endian(record, uint64_t{payload.size()});
  append_little_endian(record, masked(crc32c(record)));
  record.append(payload);
  append_little_endian(record, masked(crc32c(payload)));
  return record;
}

}  // namespace millrace::records
