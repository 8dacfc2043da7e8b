#pragma once

#include <string>
#include <vector>

#include "millrace/loader/sample_row.h"

/// Inputs of `predict` that are arrays of NumPy's and no pictures.
namespace millrace::training {

/// Whether an input is meant as arrays: an .npy or .npz file, a list (.txt) that begins with an .npy file, a folder
/// that has some and neither pictures nor folders, or whatever there is where the field is no picture.
bool is_of_arrays(const std::string& path, const FieldSpec& field);

/// The .npy files of such an input that is no .npz file: the file, those of a folder whose rows look like the field, in
/// the order of their names, with a notice of those left out, or those of a list. Throws std::runtime_error, with what
/// can be read, where there is none, for a file of other rows, and for one that a list names and that is not there.
std::vector<std::string> npy_files_of(const std::string& path, const FieldSpec& field);

}  // namespace millrace::training
