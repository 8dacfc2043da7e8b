#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::detail {

/// A file's bytes in memory, read-only. The memory is the kernel's cache of the file: it is read when it is looked at,
/// given up when memory is short, and exists once for all processes.
///
/// A value: copies share the mapping, and what travels is the descriptor, so that all processes see one file whatever
/// becomes of its name. Any thread may read. require_unchanged() notices that the file was written to meanwhile.
/// Whoever cuts the file short kills its readers with SIGBUS: replace it (write another, rename) instead.
class MappedFile {
 public:
  MappedFile() = default;

  /// `path` may begin with ~. Throws std::runtime_error "cannot read 'PATH': REASON".
  explicit MappedFile(const std::string& path);

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return mapping_ ? mapping_->bytes : std::span<const std::byte>(); }

  /// Size and time of the file when it was opened.
  const FileStamp& stamp() const { return stamp_; }

  /// Whether size and time of the file are still those that it had when it was opened.
  bool is_unchanged() const;

  /// Throws std::runtime_error unless is_unchanged(). To be called after bytes were taken.
  void require_unchanged() const;

  /// The same, to be called before bytes are looked at, since looking at what is gone is the process's end. A file that
  /// was found unchanged within the last microsecond, as by who took the sample before, is not asked again: taking a
  /// sample lasts longer, and the file may be cut short in that time too.
  void require_readable() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  struct Mapping {
    explicit Mapping(OwnedFd file);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    OwnedFd fd;
    std::span<const std::byte> bytes;
    mutable std::atomic<int64_t> seen_unchanged{0};  // When, by the steady clock, in nanoseconds.
  };

  std::string path_;
  FileStamp stamp_;
  std::shared_ptr<const Mapping> mapping_;
};

/// Makes what `call` throws begin with the name of a format, "npy: ".
template <class Call>
void in_format(const char* format, Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    throw std::runtime_error(std::string(format) + ": " + error.what());
  }
}

}  // namespace millrace::detail
