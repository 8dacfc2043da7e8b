#include "millrace/loader/datasets/tar_header.h"

#include <numeric>

#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/sharing/os/round_up.h"

namespace millrace {
namespace {

// What the fields of a ustar header hold: 100 bytes of a name, 11 octal digits of a size or a time.
constexpr size_t kUstarName = 100;
constexpr uint64_t kUstarNumber = uint64_t{1} << 33;

/// So many octal digits, with zeros in front.
std::string octal(uint64_t number, size_t digits) {
  std::string text(digits, '0');
  for (size_t i = digits; i > 0; --i, number /= 8) text[i - 1] = static_cast<char>('0' + number % 8);
  return text;
}

/// One header block of ustar. REQUIRES: all fits it.
std::string ustar_block(char type, std::string_view name, uint64_t size, uint64_t mtime) {
  std::string block(kTarBlock, '\0');
  const auto put = [&](size_t at, std::string_view text) { block.replace(at, text.size(), text); };
  put(0, name);
  put(100, octal(0444, 7));  // Mode, owner and group.
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(mtime, 11));
  put(148, "        ");  // The sum is made of all others, and spaces here.
  block[156] = type;
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  put(265, "bigdata");  // The names of owner and group, as webdataset has them.
  put(297, "bigdata");
  put(329, octal(0, 7));  // The numbers of a device.
  put(337, octal(0, 7));
  const auto sum = std::accumulate(block.begin(), block.end(), uint64_t{0},
                                   [](uint64_t s, char byte) { return s + static_cast<unsigned char>(byte); });
  put(148, octal(sum, 6));
  block[154] = '\0';
  return block;
}

/// A record of a pax header, "LENGTH KEY=VALUE\n", whose length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  size_t length = rest.size();
  while (length != rest.size() + std::to_string(length).size()) length = rest.size() + std::to_string(length).size();
  return std::to_string(length) + rest;
}

}  // namespace

std::string tar_header(std::string_view name, uint64_t size, int64_t mtime) {
  const bool fits_size = size < kUstarNumber;
  const bool fits_time = mtime >= 0 && static_cast<uint64_t>(mtime) < kUstarNumber;
  std::string records;
  if (name.size() > kUstarName) records += pax_record("path", name);
  if (!fits_size) records += pax_record("size", std::to_string(size));
  if (!fits_time) records += pax_record("mtime", std::to_string(mtime));
  std::string header;
  if (!records.empty()) {
    header = ustar_block('x', "PaxHeader", records.size(), 0) + records;
    header.resize(round_up(header.size(), kTarBlock));
  }
  return header + ustar_block('0', name.substr(0, kUstarName), fits_size ? size : 0,
                              fits_time ? static_cast<uint64_t>(mtime) : 0);
}

}  // namespace millrace
