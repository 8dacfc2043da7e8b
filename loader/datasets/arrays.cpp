#include "millrace/loader/datasets/arrays.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/loader/dataset.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

using c10::ScalarType;

/// Something is wrong with a file; the caller knows its name.
[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error(why); }

/// The dictionary in a .npy file's header, a literal of Python: {'descr': '<f4', 'fortran_order': False, 'shape': (3,
/// 4), }.
class NpyHeader {
 public:
  explicit NpyHeader(std::string_view text) : text_(text) {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") {
        if (peek() == '[')
          refuse(
              "is a structured array, whose rows are not of one dtype: save each of its fields in a file of its own");
        descr_ = quoted();
      } else if (key == "fortran_order") {
        fortran_order_ = word() == "True";
      } else if (key == "shape") {
        expect('(');
        while (!accept(')')) {
          shape_.push_back(integer());
          if (peek() != ')') expect(',');
        }
      } else {
        bad();
      }
      if (peek() != '}') expect(',');
    }
  }

  std::string_view descr() const { return descr_; }
  bool fortran_order() const { return fortran_order_; }
  const std::vector<int64_t>& shape() const { return shape_; }

 private:
  [[noreturn]] void bad() const {
    refuse("has a header that NumPy does not write, " + in_quotes(text_.substr(at_, 40)) +
           ": write it with numpy.save");
  }

  char peek() {
    at_ = std::min(text_.find_first_not_of(' ', at_), text_.size());
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) bad();
  }
  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad();
    const size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) bad();
    const auto inner = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inner;
  }
  std::string_view word() {
    peek();
    const size_t end = std::min(text_.find_first_of(", }", at_), text_.size());
    const auto letters = text_.substr(at_, end - at_);
    at_ = end;
    return letters;
  }
  int64_t integer() {
    peek();
    int64_t value = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) bad();
    at_ += static_cast<size_t>(end - begin);
    if (text_.substr(at_).starts_with('L')) ++at_;  // How Python 2 writes long integers.
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string_view descr_;
  bool fortran_order_ = false;
  std::vector<int64_t> shape_;
};

ScalarType dtype_of(std::string_view descr) {
  constexpr std::array<std::pair<std::string_view, ScalarType>, 14> kTypes = {{{"|b1", ScalarType::Bool},
                                                                               {"|u1", ScalarType::Byte},
                                                                               {"<u2", ScalarType::UInt16},
                                                                               {"<u4", ScalarType::UInt32},
                                                                               {"<u8", ScalarType::UInt64},
                                                                               {"|i1", ScalarType::Char},
                                                                               {"<i2", ScalarType::Short},
                                                                               {"<i4", ScalarType::Int},
                                                                               {"<i8", ScalarType::Long},
                                                                               {"<f2", ScalarType::Half},
                                                                               {"<f4", ScalarType::Float},
                                                                               {"<f8", ScalarType::Double},
                                                                               {"<c8", ScalarType::ComplexFloat},
                                                                               {"<c16", ScalarType::ComplexDouble}}};
  for (const auto& [name, type] : kTypes)
    if (name == descr) return type;
  const std::string name = "has dtype " + in_quotes(descr, 40);
  if (descr == "|O")
    refuse(name + ", Python objects, which only Python can read: save numbers, such as array.astype('float32')");
  if (descr.starts_with('>')) refuse(name + ", which is big-endian: save array.astype(array.dtype.newbyteorder('<'))");
  refuse(name + ", which no tensor has: save another, such as array.astype('float32')");
}

/// The bytes behind the magic string: the version in two, the size of the header in two or four, the header.
struct Preamble {
  std::string_view header;
  size_t bytes = 0;
};

Preamble read_preamble(std::span<const std::byte> file) {
  constexpr std::string_view kMagic = "\x93NUMPY", kZip = "PK\x03\x04";
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with(kZip)) refuse("is an archive, such as numpy.savez writes: unzip it and take the .npy files");
  if (!text.starts_with(kMagic)) refuse("is no .npy file (those begin with \\x93NUMPY): write it with numpy.save");
  const auto byte = [&](size_t i) -> size_t { return i < file.size() ? static_cast<size_t>(file[i]) : 0; };
  const size_t version = byte(kMagic.size());
  if (version < 1 || version > 3)
    refuse("has version " + std::to_string(version) + " of the format, known are 1 to 3: write it with numpy.save");
  const size_t at = kMagic.size() + 2, size_bytes = version == 1 ? 2 : 4;
  size_t header = 0;
  for (size_t i = 0; i < size_bytes; ++i) header |= byte(at + i) << (8 * i);
  const size_t begin = at + size_bytes;
  if (begin + header > text.size())
    refuse("ends in its header, after " + std::to_string(text.size()) + " bytes: write or copy it again");
  return {text.substr(begin, header), begin + header};
}

}  // namespace

NpyArray::NpyArray(const std::string& path) {
  try {
    file_ = detail::MappedFile(path);
  } catch (const std::exception& error) {
    throw std::runtime_error("npy: " + std::string(error.what()));
  }
  try {
    const Preamble preamble = read_preamble(file_.bytes());
    const NpyHeader header(preamble.header);
    dtype_ = dtype_of(header.descr());
    if (header.fortran_order())
      refuse("is in Fortran order, its rows are not in one piece: save numpy.ascontiguousarray(array)");
    shape_ = header.shape();
    offset_ = preamble.bytes;
    nbytes_ = c10::elementSize(dtype_);
    for (const int64_t side : shape_)
      if (__builtin_mul_overflow(nbytes_, static_cast<uint64_t>(side), &nbytes_)) refuse("has an impossible shape");
    const size_t there = file_.bytes().size() - offset_;
    if (there < nbytes_)
      refuse("holds " + std::to_string(there) + " bytes of the " + std::to_string(nbytes_) +
             " that its header promises: write or copy it again");
  } catch (const std::exception& error) {
    throw std::runtime_error("npy: " + in_quotes(file_.path()) + " " + error.what());
  }
}

void NpyArray::require_unchanged() const {
  try {
    file_.require_unchanged();
  } catch (const std::exception& error) {
    throw std::runtime_error("npy: " + std::string(error.what()));
  }
}

void NpyArray::save(EncodeArchive& archive) const { archive(file_, dtype_, shape_, offset_, nbytes_); }

void NpyArray::load(DecodeArchive& archive) {
  archive(file_, dtype_, shape_, offset_, nbytes_);
  const size_t size = file_.bytes().size();
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
  const auto refuse_arguments = [](const std::string& why) { throw std::invalid_argument("NpyDataset: " + why); };
  if (paths.empty()) refuse_arguments("at least one file is needed");
  if (names.empty())
    for (const auto& path : paths) names.push_back(std::filesystem::path(path).stem().string());
  if (names.size() != paths.size())
    refuse_arguments(std::to_string(names.size()) + " names for " + std::to_string(paths.size()) + " files");
  if (std::set(names.begin(), names.end()).size() != names.size())
    refuse_arguments("two fields have one name; give names as the second argument");

  for (size_t k = 0; k < paths.size(); ++k) {
    const NpyArray& array = arrays_.emplace_back(paths[k]);
    const auto& shape = array.shape();
    if (shape.empty())
      throw std::runtime_error("npy: " + in_quotes(paths[k]) + " is a single number, which has no rows");
    const auto rows = static_cast<uint64_t>(shape[0]);
    if (k == 0) size_ = rows;
    if (rows != size_)
      throw std::runtime_error("npy: " + in_quotes(paths[0]) + " has " + std::to_string(size_) + " rows, but " +
                               in_quotes(paths[k]) + " " + std::to_string(rows) +
                               ": sample i is row i of each, so they must be as many");
    spec_.fields.push_back({std::move(names[k]), array.dtype(), {shape.begin() + 1, shape.end()}});
  }
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
  for (size_t k = 0; k < arrays_.size(); ++k) {
    const size_t bytes = bytes_of_row(arrays_[k]);
    const std::span<const std::byte> from = arrays_[k].bytes().subspan(i * bytes, bytes);
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
