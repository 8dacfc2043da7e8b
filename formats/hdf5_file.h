#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::detail {

/// An HDF5 dataset whose rows are read. (What HDF5 calls a dataset is an array here.)
struct Hdf5Array {
  std::string name;
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::vector<int64_t> shape;  ///< The first side is the rows.
};

/// An open HDF5 file. Any thread may read: libhdf5 is called by one at a time, in all of the process.
///
/// Not to be taken through a fork: each process opens the file for itself.
class Hdf5File {
 public:
  /// Opens the arrays of those names ("train/images"), or all of the file's root in the order of their names. No other
  /// file and no library is opened for what stands in it: external links, external and virtual storage and plugins are
  /// refused. Throws std::runtime_error, without the file's name, that names the array and what is wrong with it. In a
  /// build without libhdf5 it always throws, and says what to install.
  Hdf5File(const std::string& path, const std::vector<std::string>& names);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  const std::vector<Hdf5Array>& arrays() const;

  /// Reads a row of an array into memory of a row's size. Throws as the constructor.
  void read_row(size_t array, uint64_t row, std::span<std::byte> to) const;

 private:
  struct Open;
  std::unique_ptr<Open> open_;
};

}  // namespace millrace::detail
