#pragma once

#include <string>
#include <vector>

#include "millrace/loader/datasets/arrays.h"

namespace millrace {

/// The rows of the arrays in an .npz file, as NumPy's savez() and savez_compressed() write it: sample i is row i of
/// each.
///
///   npz_dataset("train.npz", {"images", "labels"})    // fields "images" and "labels"
///
/// `names` are the arrays to read and their order; without them all are. Each array is checked by its CRC-32 when the
/// file is opened, which reads it once. An array of savez() is then read in place from the mapped file, as NpyDataset
/// reads; one of savez_compressed() is unpacked into memory that all processes share.
///
/// Throws std::runtime_error with path, array and cure for a file that is no good, and for a name that comes twice;
/// OutOfSharedMemory where unpacked arrays do not fit.
NpyDataset npz_dataset(const std::string& path, const std::vector<std::string>& names = {});

/// Arrays of an .npz file, with their names.
struct NpzArrays {
  std::vector<std::string> names;
  std::vector<NpyArray> arrays;
};

/// The arrays that npz_dataset() reads, opened and checked as there. Throws the same.
NpzArrays npz_arrays(const std::string& path, const std::vector<std::string>& names = {});

}  // namespace millrace
