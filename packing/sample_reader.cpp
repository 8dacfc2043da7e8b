#include "millrace/packing/sample_reader.h"

#include <unistd.h>

#include <cstddef>
#include <span>
#include <stdexcept>

#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::packing {
namespace {

void require_as_listed(int fd, const SourceFile& file) {
  if (stamp_of(fd, file.path) != file.stamp)
    throw std::runtime_error(in_quotes(file.path) +
                             " has changed since it was listed; start again when nothing writes there");
}

}  // namespace

std::vector<TarShardWriter::File> SampleReader::read(const SourceSample& sample) {
  std::vector<TarShardWriter::File> files;
  bytes_.clear();
  bytes_.reserve(sample.files.size());  // What the spans point into stays where it is.
  for (const SourceFile& file : sample.files) {
    bytes_.push_back(file.path.empty() ? file.text : read_piece(file));
    files.push_back({file.extension, std::as_bytes(std::span(bytes_.back()))});
  }
  return files;
}

std::string SampleReader::read_piece(const SourceFile& file) {
  if (open_path_ != file.path) {
    open_path_.clear();
    try {
      open_ = detail::open_regular(file.path);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("cannot open " + in_quotes(file.path) + ": " + error.what());
    }
    open_path_ = file.path;
  }
  require_as_listed(open_.get(), file);
  std::string bytes(file.size, '\0');
  for (size_t done = 0; done < bytes.size();) {
    const auto got = MILLRACE_SYSCALL(
        ::pread(open_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(file.offset + done)),
        file.path, file.offset + done);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  require_as_listed(open_.get(), file);  // Which it is not, where it ended early.
  return bytes;
}

}  // namespace millrace::packing
