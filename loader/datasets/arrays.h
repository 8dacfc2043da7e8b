#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/loader/datasets/shared_bytes.h"
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

  /// A .npy file inside another one, which goes from byte `begin` on for `size` bytes, or in memory. `path` is what
  /// messages call it. REQUIRES: the bytes are in the file. Throws as above.
  NpyArray(std::string path, detail::MappedFile file, uint64_t begin, uint64_t size);
  NpyArray(std::string path, detail::SharedBytes memory);

  const std::string& path() const { return path_; }
  c10::ScalarType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }

  /// The array's elements, in C order.
  std::span<const std::byte> bytes() const { return all_bytes().subspan(offset_, nbytes_); }

  /// Throws std::runtime_error when the file was written to since it was opened. To be called after elements were
  /// taken, the other before they are looked at.
  void require_unchanged() const;
  void require_readable() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  std::span<const std::byte> all_bytes() const { return memory_.size() > 0 ? memory_.as<std::byte>() : file_.bytes(); }
  void find_elements(uint64_t begin, uint64_t size);

  std::string path_;
  detail::MappedFile file_;     // Either the elements are in here
  detail::SharedBytes memory_;  // or in here.
  c10::ScalarType dtype_ = c10::ScalarType::Undefined;
  std::vector<int64_t> shape_;
  uint64_t offset_ = 0;  // Where the elements begin.
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

  /// The rows of arrays that are open already, whose names are the fields'. Throws as the constructor.
  static NpyDataset of(std::vector<NpyArray> arrays, std::vector<std::string> names);

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
