#include "millrace/training/weights/zip.h"

#include <ATen/ops/empty.h>
#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>

#include "millrace/sharing/os/printable.h"

namespace millrace::training::detail {
namespace {

struct ReaderDeleter {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, ReaderDeleter>;

// `result`, which is that of a call of libarchive.
template <class Result>
Result checked(const Reader& reader, Result result) {
  if (result < ARCHIVE_OK) {
    const char* const reason = archive_error_string(reader.get());
    throw std::runtime_error("is damaged: " + printable(reason ? reason : "it ends early"));
  }
  return result;
}

// Without the folder that all of them lie in.
std::string path_inside(archive_entry* entry) {
  const char* const path = archive_entry_pathname(entry);
  const std::string_view whole = path ? path : "";
  return std::string(whole.substr(std::min(whole.find('/') + 1, whole.size())));
}

at::Tensor content_of(const Reader& reader, uint64_t size) {
  auto content = at::empty({static_cast<int64_t>(size)}, at::kByte);
  auto* const bytes = content.mutable_data_ptr<uint8_t>();
  for (uint64_t done = 0; done < size;) {
    const auto got = checked(reader, archive_read_data(reader.get(), bytes + done, size - done));
    if (got == 0) throw std::runtime_error("is damaged: a file in it is shorter than it says");
    done += static_cast<uint64_t>(got);
  }
  uint8_t beyond = 0;  // Only behind the last byte is the checksum compared.
  if (checked(reader, archive_read_data(reader.get(), &beyond, 1)) != 0)
    throw std::runtime_error("is damaged: a file in it is longer than it says");
  return content;
}

}  // namespace

bool is_zip(std::string_view bytes) { return bytes.starts_with("PK\x03\x04"); }

std::map<std::string, at::Tensor> read_zip(std::string_view bytes) {
  const Reader reader(archive_read_new());
  checked(reader, archive_read_support_format_zip_seekable(reader.get()));
  checked(reader, archive_read_open_memory(reader.get(), bytes.data(), bytes.size()));
  std::map<std::string, at::Tensor> files;
  uint64_t left = bytes.size();
  for (archive_entry* entry = nullptr;
       checked(reader, archive_read_next_header(reader.get(), &entry)) != ARCHIVE_EOF;) {
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const int64_t size = archive_entry_size(entry);
    const std::string path = path_inside(entry);
    if (size < 0 || static_cast<uint64_t>(size) > left)
      throw std::runtime_error(in_quotes(path) + " in it is compressed, or larger than the whole file");
    left -= static_cast<uint64_t>(size);
    if (!files.emplace(path, content_of(reader, static_cast<uint64_t>(size))).second)
      throw std::runtime_error("has two files " + in_quotes(path));
  }
  return files;
}

}  // namespace millrace::training::detail
