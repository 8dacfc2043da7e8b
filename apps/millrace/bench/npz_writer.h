#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::apps {

/// An array of an .npz file: its name, its type as NumPy writes it ("|u1", "<i8"), its shape, and its bytes in C order.
struct NpzArray {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::string_view bytes;
};

/// The file that numpy.savez() makes of them: a zip archive of .npy files, not compressed. Throws std::length_error
/// from 4 GB on, where the archive would have to be of another form.
std::string npz_of(const std::vector<NpzArray>& arrays);

}  // namespace millrace::apps
