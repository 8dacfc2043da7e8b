#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/loader/sample_row.h"

namespace millrace {

/// An array in a .npy file, as NumPy's save() writes it (numpy.lib.format, versions 1 to 3), mapped into memory:
/// nothing is read before it is looked at, and what was read exists once for all processes, in the kernel's cache of
/// the file.
///
/// The elements are numbers, complex numbers or bools, in C order and little-endian; other files are refused with what
/// to do. A value: copies share the mapping, and what travels is the file's descriptor. Any thread may read. NpyDataset
/// gives an error for a file that was written to meanwhile. Do not cut the file short while it is in use: reading what
/// is gone kills the process with SIGBUS.
class NpyArray {
 public:
  NpyArray() = default;  ///< For the receiving side of serialize().

  /// Opens and maps the file. Throws std::runtime_error with path and cure.
  explicit NpyArray(const std::string& path);

  const std::string& path() const { return file_.path(); }
  c10::ScalarType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }

  /// The array's elements, in C order.
  std::span<const std::byte> bytes() const { return file_.bytes().subspan(offset_, nbytes_); }

  /// Throws std::runtime_error when the file was written to since it was opened. To be called after elements were
  /// taken.
  void require_unchanged() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  detail::MappedFile file_;
  c10::ScalarType dtype_ = c10::ScalarType::Undefined;
  std::vector<int64_t> shape_;
  uint64_t offset_ = 0;  // Where the elements begin in the file.
  uint64_t nbytes_ = 0;
};

/// The type of fields of float64, which NumPy writes unless told otherwise: as it is, or float32, as networks are.
enum class Float64 : uint8_t { kKept, kAsFloat32 };

/// The rows of .npy files: sample i is row i of each, read in place from the mapped files.
///
///   NpyDataset({"images.npy", "labels.npy"})    // fields "images" and "labels"
///
/// Field k has the dtype of file k, unless float64() says otherwise, and its shape without the first dimension. Thread
/// rules and limits: see NpyArray. An index outside the dataset throws std::out_of_range.
class NpyDataset {
 public:
  NpyDataset() = default;  ///< For the receiving side of serialize().

  /// `names` are the fields' names; without them, fields are named as the files without directory and ending. Throws
  /// std::invalid_argument when there is no file, or when there is not one name a file, each different;
  /// std::runtime_error for a file that is no good, has no rows, or has not as many rows as the first.
  explicit NpyDataset(const std::vector<std::string>& paths, std::vector<std::string> names = {});

  /// The same rows, with float64 as it is, the default, or rounded to float32 as they are read.
  NpyDataset float64(Float64 as) const;

  size_t size() const { return size_; }
  SampleSpec spec() const { return spec_; }

  /// "images.npy[17]", after the first file.
  std::string describe(size_t i) const { return arrays_[0].path() + "[" + std::to_string(i) + "]"; }

  void read(size_t i, SampleRow& row, SampleContext& context) const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  uint64_t size_ = 0;
  SampleSpec spec_;
  std::vector<NpyArray> arrays_;
};

}  // namespace millrace
