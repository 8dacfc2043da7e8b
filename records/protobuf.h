#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::records {

/// A protobuf message while it is written, field by field in the order of the calls; `field` is the field's number in
/// the .proto file. Enough for the messages of event.h, and no more.
class ProtobufMessage {
 public:
  /// int32, int64, enum. A 0 is not written, as proto3 has it: it is what a reader takes for a field that is missing.
  ProtobufMessage& integer(int field, int64_t value);

  /// float and double.
  ProtobufMessage& real(int field, float value);
  ProtobufMessage& real(int field, double value);

  /// string and bytes.
  ProtobufMessage& text(int field, std::string_view value);

  ProtobufMessage& message(int field, const ProtobufMessage& value);

  /// What was written so far.
  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, uint64_t wire_type);
  void varint(uint64_t value);

  std::string bytes_;
};

}  // namespace millrace::records
