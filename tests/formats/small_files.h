#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include "millrace/records/tf_record.h"

/// The smallest files of some formats, for tests without Python.
namespace millrace::test {

/// A TFRecord file of one tf.train.Example whose feature "id" is the integer 5.
inline std::string small_tfrecord() {
  return records::tf_record(std::string("\x0a\x0d\x0a\x0b\x0a\x02id\x12\x05\x1a\x03\x0a\x01\x05", 15));
}

/// A picture of one pixel.
inline const std::string kPixel = "P6 1 1 255\nabc";

/// A TFRecord file of one tf.train.Example whose features are these texts and these numbers, each below 128.
inline std::string tfrecord_of(const std::map<std::string, std::string>& texts,
                               const std::map<std::string, char>& numbers) {
  // A field of a message; its length is below 2^14, seven bits a byte.
  const auto field = [](char tag, const std::string& bytes) {
    const size_t size = bytes.size();
    std::string length;
    if (size >= 128) length += static_cast<char>(128 | (size & 127));
    length += static_cast<char>(size >= 128 ? size >> 7 : size);
    return tag + length + bytes;
  };
  std::string features;
  const auto add = [&](const std::string& name, const std::string& value) {
    features += field('\x0a', field('\x0a', name) + field('\x12', value));
  };
  for (const auto& [name, text] : texts) add(name, field('\x0a', field('\x0a', text)));
  for (const auto& [name, number] : numbers) add(name, field('\x1a', field('\x0a', std::string(1, number))));
  return records::tf_record(field('\x0a', features));
}

/// A TFRecord file of one tf.train.Example that has kPixel as "image/encoded" and 5 as "image/class/label".
inline std::string tfrecord_of_pixel() { return tfrecord_of({{"image/encoded", kPixel}}, {{"image/class/label", 5}}); }

/// An LMDB file whose key "ab" has a value of up to 4,000 bytes: two pages that say where the database is, and its only
/// page.
inline std::string small_lmdb(const std::string& value = "hello") {
  constexpr size_t kPage = 4096;
  std::string file(3 * kPage, '\0');
  const auto put = [&](size_t at, auto number) { std::memcpy(file.data() + at, &number, sizeof number); };
  for (const size_t page : {0, 1}) {
    const size_t at = page * kPage;
    put(at, uint64_t{page});
    put(at + 10, uint16_t{0x08});
    put(at + 16, uint32_t{0xBEEFC0DE});
    put(at + 20, uint32_t{1});
    put(at + 40, uint32_t{kPage});
    put(at + 128, page == 0 ? ~uint64_t{0} : uint64_t{2});  // The root.
    put(at + 144, uint64_t{page});                          // The transaction.
  }
  put(kPage + 94, uint16_t{1});   // The depth.
  put(kPage + 120, uint64_t{1});  // The number of entries.
  const size_t leaf = 2 * kPage, node = (kPage - 10 - value.size()) & ~size_t{1};
  put(leaf, uint64_t{2});
  put(leaf + 10, uint16_t{0x02});
  put(leaf + 12, uint16_t{18});
  put(leaf + 14, static_cast<uint16_t>(node));
  put(leaf + 16, static_cast<uint16_t>(node));
  put(leaf + node, static_cast<uint32_t>(value.size()));
  put(leaf + node + 6, uint16_t{2});
  file.replace(leaf + node + 8, 2 + value.size(), "ab" + value);
  return file;
}

}  // namespace millrace::test
