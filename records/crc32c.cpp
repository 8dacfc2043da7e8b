#include "millrace/records/crc32c.h"

#include <array>

namespace millrace::records {
namespace {

// What each value of a byte does to the remainder.
constexpr std::array<uint32_t, 256> kRemainders = [] {
  constexpr uint32_t kReflectedPolynomial = 0x82F63B78;
  std::array<uint32_t, 256> remainders{};
  for (uint32_t byte = 0; byte < remainders.size(); ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1) * kReflectedPolynomial);
    remainders[byte] = remainder;
  }
  return remainders;
}();

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t remainder = ~uint32_t{0};
  for (const char byte : bytes)
    remainder = (remainder >> 8) ^ kRemainders[(remainder ^ static_cast<uint8_t>(byte)) & 0xFF];
  return ~remainder;
}

}  // namespace millrace::records
