#include "millrace/loader/datasets/npy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

using c10::ScalarType;

/// Something is wrong with a file; the caller knows its name.
[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error(why); }

/// The dictionary in a .npy file's header, a literal of Python: {'descr': '<f4', 'fortran_order': False, 'shape': (3,
/// 4), }.
class Dictionary {
 public:
  explicit Dictionary(std::string_view text) : text_(text) {
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
  if (text.starts_with(kZip))
    refuse("is an archive, such as numpy.savez writes: open it with npz_dataset(), in YAML with type npz");
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

NpyHeader read_npy_header(std::span<const std::byte> file) {
  const Preamble preamble = read_preamble(file);
  const Dictionary dictionary(preamble.header);
  NpyHeader header;
  header.dtype = dtype_of(dictionary.descr());
  if (dictionary.fortran_order())
    refuse("is in Fortran order, its rows are not in one piece: save numpy.ascontiguousarray(array)");
  header.shape = dictionary.shape();
  header.offset = preamble.bytes;
  header.nbytes = c10::elementSize(header.dtype);
  for (const int64_t side : header.shape)
    if (__builtin_mul_overflow(header.nbytes, static_cast<uint64_t>(side), &header.nbytes))
      refuse("has an impossible shape");
  return header;
}

}  // namespace millrace::detail
