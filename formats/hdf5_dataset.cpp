#include "millrace/formats/hdf5_dataset.h"

#include <stdexcept>

#include "millrace/loader/dataset.h"
#include "millrace/loader/stages.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {

Hdf5Dataset::Hdf5Dataset(const std::string& path, const std::vector<std::string>& names)
    : path_(detail::user_path(path)), names_(names) {
  const auto& arrays = open().arrays();
  stamp_ = reader_.stamp(path_);
  names_.clear();
  for (const detail::Hdf5Array& array : arrays) {
    const auto rows = static_cast<uint64_t>(array.shape[0]);
    if (names_.empty()) size_ = rows;
    if (rows != size_)
      throw std::runtime_error("hdf5: " + in_quotes(path_) + " has " + counted(size_, "row") + " in " +
                               in_quotes(names_[0]) + ", but " + std::to_string(rows) + " in " + in_quotes(array.name) +
                               ": sample i is row i of each; name datasets of one length");
    names_.push_back(array.name);
    spec_.fields.push_back({array.name, array.dtype, {array.shape.begin() + 1, array.shape.end()}});
  }
}

const detail::Hdf5File& Hdf5Dataset::open() {
  try {
    return reader_.open(path_, names_);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("hdf5: " + std::string(error.what()));
  }
}

void Hdf5Dataset::require_unchanged() const {
  if (reader_.stamp(path_) != stamp_)
    throw std::runtime_error("hdf5: " + in_quotes(path_) + " has changed since it was opened; make the dataset anew");
}

void Hdf5Dataset::read(size_t i, SampleRow& row, SampleContext& /*context*/) {
  detail::require_index("Hdf5Dataset", i, size_);
  const StageScope reading(Stage::kRead);
  const detail::Hdf5File& file = open();
  require_unchanged();
  try {
    for (size_t k = 0; k < names_.size(); ++k) {
      file.read_row(k, i, row.bytes(k));
      reading.add_bytes(row.bytes(k).size());
    }
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("hdf5: " + in_quotes(path_) + " " + error.what());
  }
  require_unchanged();
}

}  // namespace millrace
