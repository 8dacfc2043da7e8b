#include "millrace/sharing/codec/crc32c.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace millrace {
namespace {

// What each value of a byte does to the remainder, with as many bytes behind it as the table's number says. Eight bytes
// are taken at once: one by one they would wait for each other (slicing by 8, of Intel).
using Table = std::array<uint32_t, 256>;
constexpr std::array<Table, 8> kRemainders = [] {
  constexpr uint32_t kReflectedPolynomial = 0x82F63B78;
  std::array<Table, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1) * kReflectedPolynomial);
    tables[0][byte] = remainder;
  }
  for (size_t behind = 1; behind < tables.size(); ++behind)
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[behind - 1][byte];
      tables[behind][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  return tables;
}();

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t before) {
  static_assert(std::endian::native == std::endian::little);
  uint32_t remainder = ~before;
  for (; bytes.size() >= sizeof(uint64_t); bytes.remove_prefix(sizeof(uint64_t))) {
    uint64_t eight = 0;
    std::memcpy(&eight, bytes.data(), sizeof eight);
    eight ^= remainder;
    remainder = 0;
    for (size_t i = 0; i < sizeof eight; ++i) remainder ^= kRemainders[7 - i][(eight >> (8 * i)) & 0xFF];
  }
  for (const char byte : bytes)
    remainder = (remainder >> 8) ^ kRemainders[0][(remainder ^ static_cast<uint8_t>(byte)) & 0xFF];
  return ~remainder;
}

uint32_t masked_crc32c(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
}

}  // namespace millrace
