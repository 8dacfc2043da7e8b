#include "millrace/apps/millrace/bench/npz_writer.h"

#include <zlib.h>

#include <limits>
#include <stdexcept>

namespace millrace::apps {
namespace {

void put(std::string& bytes, uint64_t number, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xFFu);
}

// The .npy file up to its elements, which begin at a multiple of 64 bytes.
std::string npy_header(const NpzArray& array) {
  std::string shape;
  for (const int64_t dimension : array.shape) shape += std::to_string(dimension) + ", ";
  std::string text = "{'descr': '";  // A dict of Python, in which the type is no foreign text.
  text.append(array.dtype).append("', 'fortran_order': False, 'shape': (").append(shape).append("), }");
  constexpr size_t kBefore = 10, kAlignment = 64;
  text.append(kAlignment - (kBefore + text.size() + 1) % kAlignment, ' ');
  text += '\n';
  std::string header = std::string("\x93NUMPY\x01\x00", 8);
  put(header, text.size(), 2);
  return header + text;
}

// The fields that an archive has twice of a file, before it and in the directory (APPNOTE 4.3.7, 4.3.12).
std::string fields_of(uint32_t checksum, uint64_t size, const std::string& name) {
  constexpr uint64_t kVersion = 20, kNoFlags = 0, kStored = 0, kNoTime = 0, kFirstDay = 0x21;  // 1980-01-01.
  std::string fields;
  put(fields, kVersion, 2);
  put(fields, kNoFlags, 2);
  put(fields, kStored, 2);
  put(fields, kNoTime, 2);
  put(fields, kFirstDay, 2);
  put(fields, checksum, 4);
  put(fields, size, 4);
  put(fields, size, 4);
  put(fields, name.size(), 2);
  put(fields, 0, 2);  // No extra field.
  return fields;
}

uint32_t checksum_of(std::string_view header, std::string_view bytes) {
  const auto add = [](uLong sum, std::string_view part) {
    return crc32_z(sum, reinterpret_cast<const Bytef*>(part.data()), part.size());
  };
  return static_cast<uint32_t>(add(add(0, header), bytes));
}

}  // namespace

std::string npz_of(const std::vector<NpzArray>& arrays) {
  std::string archive, directory;
  for (const NpzArray& array : arrays) {
    const std::string header = npy_header(array), name = array.name + ".npy";
    const uint64_t size = header.size() + array.bytes.size(), offset = archive.size();
    if (offset + size > std::numeric_limits<uint32_t>::max()) throw std::length_error("an .npz file of 4 GB or more");
    const std::string fields = fields_of(checksum_of(header, array.bytes), size, name);
    archive += "PK\x03\x04" + fields + name + header;
    archive += array.bytes;
    directory += "PK\x01\x02";
    put(directory, 20, 2);
    directory += fields;
    put(directory, 0, 2);  // No comment,
    put(directory, 0, 2);  // the first disk,
    put(directory, 0, 2);  // of no kind,
    put(directory, 0, 4);  // without attributes.
    put(directory, offset, 4);
    directory += name;
  }
  const uint64_t begin = archive.size();
  archive += directory + "PK\x05\x06";
  put(archive, 0, 4);  // The only disk.
  put(archive, arrays.size(), 2);
  put(archive, arrays.size(), 2);
  put(archive, directory.size(), 4);
  put(archive, begin, 4);
  put(archive, 0, 2);  // No comment.
  return archive;
}

}  // namespace millrace::apps
