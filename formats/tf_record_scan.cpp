#include "millrace/formats/tf_record_scan.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include "millrace/sharing/codec/crc32c.h"
#include "millrace/sharing/os/counted.h"

namespace millrace::detail {
namespace {

// A record is its length in 8 bytes, the checksum of these in 4, the payload, its checksum in 4; all little-endian.
constexpr uint64_t kHead = 12, kChecksum = 4;

[[noreturn]] void refuse_record(uint64_t offset, const std::string& why) {
  throw std::runtime_error("has a record at byte " + std::to_string(offset) + " that " + why);
}

uint32_t checksum_at(std::string_view bytes, uint64_t at) {
  uint32_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + at, sizeof checksum);
  return checksum;
}

std::string_view text_of(std::span<const std::byte> file) {
  return {reinterpret_cast<const char*>(file.data()), file.size()};
}

/// How long the payload is of the record at `offset`, all of which lies in the file.
uint64_t length_at(std::string_view file, uint64_t offset) {
  const uint64_t rest = offset < file.size() ? file.size() - offset : 0;
  if (rest < kHead)
    refuse_record(offset, "ends after " + counted(rest, "byte") + " of its head; write or copy the file again");
  uint64_t length = 0;
  std::memcpy(&length, file.data() + offset, sizeof length);
  if (masked_crc32c(file.substr(offset, sizeof length)) != checksum_at(file, offset + sizeof length))
    refuse_record(offset, "has a damaged length; write or copy the file again");
  if (rest - kHead < kChecksum || length > rest - kHead - kChecksum)
    refuse_record(offset, "promises " + counted(length, "byte") + " and has " + std::to_string(rest - kHead) +
                              "; write or copy the file again");
  return length;
}

}  // namespace

std::vector<uint64_t> scan_tf_records(std::span<const std::byte> bytes) {
  const std::string_view file = text_of(bytes);
  if (file.starts_with("\x1f\x8b"))
    throw std::runtime_error("is compressed by gzip, which has no random access: unpack it with gunzip");
  std::vector<uint64_t> offsets;
  for (uint64_t offset = 0; offset < file.size();) {
    offsets.push_back(offset);
    offset += kHead + length_at(file, offset) + kChecksum;
  }
  return offsets;
}

std::string_view tf_record_at(std::span<const std::byte> bytes, uint64_t offset) {
  const std::string_view file = text_of(bytes);
  const uint64_t length = length_at(file, offset);
  const std::string_view payload = file.substr(offset + kHead, length);
  if (masked_crc32c(payload) != checksum_at(file, offset + kHead + length))
    refuse_record(offset, "has another checksum than its bytes; write or copy the file again");
  return payload;
}

}  // namespace millrace::detail
