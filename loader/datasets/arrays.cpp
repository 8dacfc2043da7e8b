#include "millrace/loader/datasets/arrays.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "millrace/loader/dataset.h"
#include "millrace/loader/datasets/npy_header.h"
#include "millrace/loader/stages.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {

NpyArray::NpyArray(const std::string& path) {
  detail::in_format("npy", [&] { file_ = detail::MappedFile(path); });
  path_ = file_.path();
  find_elements(0, file_.bytes().size());
}

NpyArray::NpyArray(std::string path, detail::MappedFile file, uint64_t begin, uint64_t size)
    : path_(std::move(path)), file_(std::move(file)) {
  find_elements(begin, size);
}

NpyArray::NpyArray(std::string path, detail::SharedBytes memory) : path_(std::move(path)), memory_(std::move(memory)) {
  find_elements(0, memory_.size());
}

void NpyArray::find_elements(uint64_t begin, uint64_t size) {
  try {
    detail::NpyHeader header = detail::read_npy_header(all_bytes().subspan(begin, size));
    if (size - header.offset < header.nbytes)
      throw std::runtime_error("holds " + counted(size - header.offset, "byte") + " of the " +
                               std::to_string(header.nbytes) + " that its header promises: write or copy it again");
    dtype_ = header.dtype;
    shape_ = std::move(header.shape);
    offset_ = begin + header.offset;
    nbytes_ = header.nbytes;
  } catch (const std::exception& error) {
    throw std::runtime_error("npy: " + in_quotes(path_) + " " + error.what());
  }
}

void NpyArray::require_unchanged() const {
  detail::in_format("npy", [&] { file_.require_unchanged(); });
}

void NpyArray::require_readable() const {
  detail::in_format("npy", [&] { file_.require_readable(); });
}

void NpyArray::save(EncodeArchive& archive) const { archive(path_, file_, memory_, dtype_, shape_, offset_, nbytes_); }

void NpyArray::load(DecodeArchive& archive) {
  archive(path_, file_, memory_, dtype_, shape_, offset_, nbytes_);
  const size_t size = all_bytes().size();
  if (offset_ > size || nbytes_ > size - offset_)
    throw DecodeError("npy: " + in_quotes(path()) + " has become shorter since it was opened");
}

namespace {

size_t numel_of_row(const NpyArray& array) {
  const auto& shape = array.shape();
  return std::accumulate(shape.begin() + 1, shape.end(), size_t{1},
                         [](size_t product, int64_t side) { return product * static_cast<size_t>(side); });
}

size_t bytes_of_row(const NpyArray& array) { return numel_of_row(array) * c10::elementSize(array.dtype()); }

/// Whether rows of the array may be read as the field: with their type, or float64 as float32.
bool may_become(const NpyArray& array, const FieldSpec& field) {
  const bool narrowed = array.dtype() == c10::ScalarType::Double && field.dtype == c10::ScalarType::Float;
  return !array.shape().empty() && (field.dtype == array.dtype() || narrowed) && field.numel() == numel_of_row(array);
}

void require_one_name_each(size_t arrays, const std::vector<std::string>& names) {
  const auto refuse = [](const std::string& why) { throw std::invalid_argument("NpyDataset: " + why); };
  if (arrays == 0) refuse("at least one file is needed");
  if (names.size() != arrays) refuse("names: " + std::to_string(names.size()) + " for " + counted(arrays, "file"));
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (name->empty()) refuse("names: a field has an empty name; give each one");
    if (std::find(names.begin(), name, *name) != name)
      refuse("names: two fields are called " + in_quotes(*name) + "; give each its own");
  }
}

/// The elements in the file may lie at any address.
void round_to_float(std::span<const std::byte> doubles, std::span<std::byte> floats) {
  for (size_t i = 0; i < doubles.size() / sizeof(double); ++i) {
    double number = 0;
    std::memcpy(&number, doubles.data() + i * sizeof number, sizeof number);
    const auto rounded = static_cast<float>(number);
    std::memcpy(floats.data() + i * sizeof rounded, &rounded, sizeof rounded);
  }
}

}  // namespace

NpyDataset::NpyDataset(const std::vector<std::string>& paths, std::vector<std::string> names) {
  if (names.empty())
    for (const auto& path : paths) names.push_back(std::filesystem::path(path).stem().string());
  require_one_name_each(paths.size(), names);
  std::vector<NpyArray> arrays;
  for (const auto& path : paths) arrays.emplace_back(path);
  *this = of(std::move(arrays), std::move(names));
}

NpyDataset NpyDataset::of(std::vector<NpyArray> arrays, std::vector<std::string> names) {
  require_one_name_each(arrays.size(), names);
  NpyDataset made;
  made.arrays_ = std::move(arrays);
  const NpyArray& first = made.arrays_.front();
  for (size_t k = 0; k < made.arrays_.size(); ++k) {
    const NpyArray& array = made.arrays_[k];
    const auto& shape = array.shape();
    if (shape.empty())
      throw std::runtime_error("npy: " + in_quotes(array.path()) + " is a single number, which has no rows");
    const auto rows = static_cast<uint64_t>(shape[0]);
    if (k == 0) made.size_ = rows;
    if (rows != made.size_)
      throw std::runtime_error("npy: " + in_quotes(first.path()) + " has " + counted(made.size_, "row") + ", but " +
                               in_quotes(array.path()) + " " + std::to_string(rows) +
                               ": sample i is row i of each, so they must be as many");
    made.spec_.fields.push_back({std::move(names[k]), array.dtype(), {shape.begin() + 1, shape.end()}});
  }
  return made;
}

NpyDataset NpyDataset::float64(Float64 as) const {
  NpyDataset rows = *this;
  const auto type = as == Float64::kKept ? c10::ScalarType::Double : c10::ScalarType::Float;
  for (size_t k = 0; k < arrays_.size(); ++k)
    if (arrays_[k].dtype() == c10::ScalarType::Double) rows.spec_.fields[k].dtype = type;
  return rows;
}

void NpyDataset::read(size_t i, SampleRow& row, SampleContext& /*context*/) const {
  detail::require_index("NpyDataset", i, size_);
  const StageScope reading(Stage::kRead);
  for (size_t k = 0; k < arrays_.size(); ++k) {
    arrays_[k].require_readable();  // What is gone is an error here, and the process's end where it is looked at.
    const size_t bytes = bytes_of_row(arrays_[k]);
    const std::span<const std::byte> from = arrays_[k].bytes().subspan(i * bytes, bytes);
    reading.add_bytes(bytes);
    if (spec_.fields[k].dtype == arrays_[k].dtype())
      std::copy(from.begin(), from.end(), row.bytes(k).begin());
    else
      round_to_float(from, row.bytes(k));
    arrays_[k].require_unchanged();
  }
}

void NpyDataset::save(EncodeArchive& archive) const { archive(size_, spec_, arrays_); }

void NpyDataset::load(DecodeArchive& archive) {
  archive(size_, spec_, arrays_);
  if (arrays_.size() != spec_.fields.size()) throw DecodeError("an NpyDataset has fields without a file");
  for (size_t k = 0; k < arrays_.size(); ++k) {
    const size_t bytes = bytes_of_row(arrays_[k]);
    if (!may_become(arrays_[k], spec_.fields[k]))
      throw DecodeError("an NpyDataset has a field of another kind than its file");
    if (bytes > 0 && size_ > arrays_[k].bytes().size() / bytes)
      throw DecodeError("an NpyDataset of " + std::to_string(size_) + " samples does not fit its files");
  }
}

}  // namespace millrace
