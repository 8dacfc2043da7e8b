#pragma once

#include <string>
#include <vector>

#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/packing/sample_list.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::packing {

/// Reads the files of samples. The file that was read last is kept open, since a shard is read piece by piece. For one
/// thread.
class SampleReader {
 public:
  /// The bytes of the sample's files, valid until the next call. Throws std::runtime_error, with the path, for a file
  /// that cannot be read or is not as it was listed.
  std::vector<TarShardWriter::File> read(const SourceSample& sample);

 private:
  std::string read_piece(const SourceFile& file);

  std::vector<std::string> bytes_;
  std::string open_path_;
  OwnedFd open_;
};

}  // namespace millrace::packing
