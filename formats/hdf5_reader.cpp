#include "millrace/formats/hdf5_reader.h"

#include <unistd.h>

#include <stdexcept>

#include "millrace/sharing/os/printable.h"

namespace millrace::detail {

Hdf5Reader& Hdf5Reader::operator=(const Hdf5Reader& other) {
  if (this != &other) file_.reset();
  return *this;
}

const Hdf5File& Hdf5Reader::open(const std::string& path, const std::vector<std::string>& names) {
  if (file_ && opened_by_ == ::getpid()) return *file_;
  file_.reset();
  try {
    fd_ = open_regular(path);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("cannot read " + in_quotes(path) + ": " + error.what());
  }
  try {
    file_ = std::make_unique<Hdf5File>(path, names);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(in_quotes(path) + " " + error.what());
  }
  opened_by_ = ::getpid();
  return *file_;
}

}  // namespace millrace::detail
