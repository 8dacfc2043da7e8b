#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/formats/hdf5_reader.h"
#include "millrace/loader/sample_row.h"

namespace millrace {

/// The rows of the datasets in an HDF5 file, as h5py writes them: sample i is row i of each.
///
///   Hdf5Dataset("train.h5", {"images", "labels"})    // fields "images" and "labels"
///
/// Numbers of either byte order, half floats and h5py's bools are read, from storage in one piece or in chunks, with
/// the filters that libhdf5 has (gzip, shuffle, fletcher32, szip). Each worker opens the file for itself and keeps
/// chunks of its own; one that reads at random from large chunks unpacks a chunk for each row.
///
/// One copy serves one thread, and the loader gives every worker its own; libhdf5 is called by one thread of a process
/// at a time, so worker processes read beside each other and worker threads do not. The file is to rest while it is
/// read: one that was written to meanwhile is an error. Errors are std::runtime_error: one line with file, dataset and
/// cure. In a build without libhdf5 the constructor throws, and says what to install.
class Hdf5Dataset {
 public:
  Hdf5Dataset() = default;  ///< For the receiving side of serialize().

  /// `names` are the datasets to read, "train/images" for one in a group; without them all that are in the root are, in
  /// the order of their names.
  explicit Hdf5Dataset(const std::string& path, const std::vector<std::string>& names = {});

  size_t size() const { return size_; }
  SampleSpec spec() const { return spec_; }
  std::string describe(size_t i) const { return path_ + "[" + std::to_string(i) + "]"; }

  /// Throws std::out_of_range unless i < size().
  void read(size_t i, SampleRow& row, SampleContext& context);

  template <class Archive>
  void serialize(Archive& archive) {
    archive(path_, names_, stamp_, size_, spec_);
  }

 private:
  const detail::Hdf5File& open();
  void require_unchanged() const;

  std::string path_;
  std::vector<std::string> names_;
  FileStamp stamp_;
  uint64_t size_ = 0;
  SampleSpec spec_;
  detail::Hdf5Reader reader_;
};

}  // namespace millrace
