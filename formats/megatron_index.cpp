#include "millrace/formats/megatron_index.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace millrace::detail {
namespace {

using c10::ScalarType;

[[noreturn]] void refuse_index(const std::string& why) { throw std::runtime_error(why); }

/// Numbers one behind the other, as they lie in the file.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> take(uint64_t bytes, const char* what) {
    const uint64_t left = bytes_.size() - at_;
    if (bytes > left)
      refuse_index("ends in its " + std::string(what) + ": " + std::to_string(left) + " of " + std::to_string(bytes) +
                   " bytes at byte " + std::to_string(at_) + "; write or copy it again");
    const auto taken = bytes_.subspan(at_, bytes);
    at_ += bytes;
    return taken;
  }

  template <class T>
  T number(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }

  /// `count` numbers. That they fit into the file is asked before memory is taken.
  template <class T>
  std::vector<T> numbers(uint64_t count, const char* what) {
    if (count > bytes_.size() / sizeof(T))
      refuse_index("promises " + std::to_string(count) + " " + what +
                   ", more than it has bytes; write or copy it again");
    std::vector<T> values(count);
    const auto from = take(count * sizeof(T), what);
    if (count > 0) std::memcpy(values.data(), from.data(), from.size());
    return values;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

ScalarType dtype_of(uint8_t code) {
  constexpr std::array<ScalarType, 9> kTypes = {ScalarType::Undefined, ScalarType::Byte,      ScalarType::Char,
                                                ScalarType::Short,     ScalarType::Int,       ScalarType::Long,
                                                ScalarType::Undefined, ScalarType::Undefined, ScalarType::UInt16};
  const ScalarType type = code < kTypes.size() ? kTypes[code] : ScalarType::Undefined;
  if (type == ScalarType::Undefined)
    refuse_index("has dtype code " + std::to_string(code) + " at byte 17, which is of no integer type; write it again");
  return type;
}

}  // namespace

MegatronIndex read_megatron_index(std::span<const std::byte> index, uint64_t bin_bytes) {
  constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
  Fields fields(index);
  const auto magic = fields.take(kMagic.size(), "signature");
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0)
    refuse_index("is no index of Megatron-LM (those begin with MMIDIDX): write it with Megatron's preprocess_data.py");
  const auto version = fields.number<uint64_t>("header");
  if (version != 1) refuse_index("has version " + std::to_string(version) + " of the format, known is 1");

  MegatronIndex read;
  read.dtype = dtype_of(fields.number<uint8_t>("header"));
  const uint64_t item = c10::elementSize(read.dtype);
  const auto num_sequences = fields.number<uint64_t>("header");
  const auto num_documents = fields.number<uint64_t>("header");
  const auto lengths = fields.numbers<int32_t>(num_sequences, "sequence lengths");
  const auto pointers = fields.numbers<int64_t>(num_sequences, "sequence pointers");
  const auto documents = fields.numbers<int64_t>(num_documents, "documents");

  // Where each sequence ends, in tokens.
  std::vector<uint64_t> ends(num_sequences + 1, 0);
  for (size_t i = 0; i < num_sequences; ++i) {
    const auto at = [&] { return "sequence " + std::to_string(i); };
    if (lengths[i] < 0)
      refuse_index("gives " + at() + " the length " + std::to_string(lengths[i]) + "; write it again");
    if (pointers[i] < 0 || static_cast<uint64_t>(pointers[i]) != ends[i] * item)
      refuse_index("has " + at() + " at byte " + std::to_string(pointers[i]) + ", but those before it end at " +
                   std::to_string(ends[i] * item) + "; write it again");
    ends[i + 1] = ends[i] + static_cast<uint64_t>(lengths[i]);
  }
  if (ends.back() * item != bin_bytes)
    refuse_index("says that the tokens end at byte " + std::to_string(ends.back() * item) +
                 ", the .bin file ends at byte " + std::to_string(bin_bytes) + "; copy both again");

  // The first number is 0, then comes where each document ends, in sequences.
  if (documents.size() < 2 || documents.front() != 0 || documents.back() != static_cast<int64_t>(num_sequences) ||
      !std::is_sorted(documents.begin(), documents.end()))
    refuse_index("has documents that do not go from sequence 0 to " + std::to_string(num_sequences) +
                 "; write it again");
  for (size_t k = 1; k < documents.size(); ++k) read.document_ends.push_back(ends[static_cast<size_t>(documents[k])]);
  return read;
}

}  // namespace millrace::detail
