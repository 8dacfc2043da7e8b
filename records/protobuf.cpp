#include "millrace/records/protobuf.h"

#include <bit>

#include "millrace/records/little_endian.h"

namespace millrace::records {
namespace {

// How a reader that does not know a field finds its end.
enum WireType : uint64_t { kVarint = 0, kEightBytes = 1, kLengthDelimited = 2, kFourBytes = 5 };

}  // namespace

ProtobufMessage& ProtobufMessage::integer(int field, int64_t value) {
  if (value == 0) return *this;
  key(field, kVarint);
  varint(static_cast<uint64_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::real(int field, float value) {
  key(field, kFourBytes);
  append_little_endian(bytes_, std::bit_cast<uint32_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::real(int field, double value) {
  key(field, kEightBytes);
  append_little_endian(bytes_, std::bit_cast<uint64_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::text(int field, std::string_view value) {
  key(field, kLengthDelimited);
  varint(value.size());
  bytes_.append(value);
  return *this;
}

ProtobufMessage& ProtobufMessage::message(int field, const ProtobufMessage& value) {
  return text(field, value.bytes());
}

void ProtobufMessage::key(int field, uint64_t wire_type) { varint(static_cast<uint64_t>(field) << 3 | wire_type); }

// Seven bits a byte, the lowest first; the eighth says that more follow.
void ProtobufMessage::varint(uint64_t value) {
  for (; value > 0x7F; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
  bytes_.push_back(static_cast<char>(value));
}

}  // namespace millrace::records
