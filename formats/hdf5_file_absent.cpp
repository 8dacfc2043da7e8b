#include <stdexcept>

#include "millrace/formats/hdf5_file.h"

// What a build without libhdf5 has in place of hdf5_file.cpp.
namespace millrace::detail {

struct Hdf5File::Open {};

Hdf5File::Hdf5File(const std::string& /*path*/, const std::vector<std::string>& /*names*/) {
  throw std::runtime_error(
      "needs libhdf5, which this build of Millrace is without: install libhdf5-dev, configure with "
      "-DMILLRACE_WITH_HDF5=ON and build again");
}

Hdf5File::~Hdf5File() = default;

const std::vector<Hdf5Array>& Hdf5File::arrays() const { throw std::logic_error("Hdf5File: there is none"); }

void Hdf5File::read_row(size_t /*array*/, uint64_t /*row*/, std::span<std::byte> /*to*/) const {
  throw std::logic_error("Hdf5File: there is none");
}

}  // namespace millrace::detail
