#include "millrace/records/tf_record.h"

#include <cstdint>

#include "millrace/records/little_endian.h"
#include "millrace/sharing/codec/crc32c.h"

namespace millrace::records {

std::string tf_record(std::string_view payload) {
  std::string record;
  append_little_endian(record, uint64_t{payload.size()});
  append_little_endian(record, masked_crc32c(record));
  record.append(payload);
  append_little_endian(record, masked_crc32c(payload));
  return record;
}

}  // namespace millrace::records
