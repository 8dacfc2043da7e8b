#include "millrace/formats/token_windows.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <stdexcept>

#include "millrace/formats/megatron_index.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/stages.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

using c10::ScalarType;

/// Calls use(T()) with the C++ type of the tokens; false for what is no integer type.
template <class Use>
bool with_token_type(ScalarType dtype, Use&& use) {
  switch (dtype) {
    case ScalarType::Byte:
      use(uint8_t());
      return true;
    case ScalarType::Char:
      use(int8_t());
      return true;
    case ScalarType::Short:
      use(int16_t());
      return true;
    case ScalarType::UInt16:
      use(uint16_t());
      return true;
    case ScalarType::Int:
      use(int32_t());
      return true;
    case ScalarType::UInt32:
      use(uint32_t());
      return true;
    case ScalarType::Long:
      use(int64_t());
      return true;
    default:
      return false;
  }
}

/// Tokens `begin` to `end` as int64. Mappings begin at a page, so each token lies at a multiple of its size.
void widen(std::span<const std::byte> file, ScalarType dtype, uint64_t begin, uint64_t end, int64_t* to) {
  with_token_type(dtype, [&]<class T>(T) {
    const T* const tokens = reinterpret_cast<const T*>(file.data());
    std::copy(tokens + begin, tokens + end, to);
  });
}

/// Where each document ends in a file in which one token ends them. Tokens behind the last of these are a document too.
std::vector<uint64_t> ends_by_separator(std::span<const std::byte> file, ScalarType dtype, int64_t separator) {
  std::vector<uint64_t> ends;
  with_token_type(dtype, [&]<class T>(T) {
    const std::span<const T> tokens(reinterpret_cast<const T*>(file.data()), file.size() / sizeof(T));
    for (size_t i = 0; i < tokens.size(); ++i)
      if (static_cast<int64_t>(tokens[i]) == separator) ends.push_back(i + 1);
    if (ends.empty() || ends.back() < tokens.size()) ends.push_back(tokens.size());
  });
  return ends;
}

uint64_t ceil_div(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

/// The windows of a document that is kept: so many that the last token is some window's target.
uint64_t windows_of(uint64_t tokens, uint64_t length, uint64_t stride) {
  if (tokens < 2) return 0;
  return tokens - 1 <= length ? 1 : 1 + ceil_div(tokens - 1 - length, stride);
}

void check(const TokenWindowsOptions& options) {
  const auto refuse = [](const std::string& why) { throw std::invalid_argument("TokenWindows: " + why); };
  // More does not fit into memory, and products of it into 64 bits.
  constexpr int64_t kMostLength = int64_t{1} << 40;
  if (options.length < 1 || options.length > kMostLength)
    refuse("length is " + std::to_string(options.length) + ", it goes from 1 to 2^40");
  if (options.stride && (*options.stride < 1 || *options.stride > options.length))
    refuse("stride is " + std::to_string(*options.stride) + ", it goes from 1 to length, " +
           std::to_string(options.length));
  if (!with_token_type(options.dtype, [](auto) {}))
    refuse("tokens of type " + std::string(c10::toString(options.dtype)) + " are none: take an integer type");
}

/// Maps a file, with the format's name before what is wrong with it.
detail::MappedFile open(const std::string& path) {
  detail::MappedFile file;
  detail::in_format("tokens", [&] { file = detail::MappedFile(path); });
  return file;
}

/// The index beside a .bin file; nothing where there is none.
std::optional<detail::MegatronIndex> index_of(const detail::MappedFile& bin) {
  const std::string path = std::filesystem::path(bin.path()).replace_extension(".idx");
  if (!std::filesystem::exists(path)) return std::nullopt;
  const detail::MappedFile file = open(path);
  try {
    return detail::read_megatron_index(file.bytes(), bin.bytes().size());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("tokens: " + in_quotes(path) + ", the index of " + in_quotes(bin.path()) + ", " +
                             error.what());
  }
}

}  // namespace

TokenWindows::TokenWindows(const std::string& path, TokenWindowsOptions options)
    : file_((check(options), open(path))),
      length_(static_cast<uint64_t>(options.length)),
      stride_(static_cast<uint64_t>(options.stride.value_or(options.length))),
      padding_(options.padding),
      vocabulary_(options.vocabulary) {
  const auto refuse = [&](const std::string& why) {
    throw std::runtime_error("tokens: " + in_quotes(file_.path()) + " " + why);
  };
  const auto index = index_of(file_);
  dtype_ = index ? index->dtype : options.dtype;
  const size_t item = c10::elementSize(dtype_);
  if (file_.bytes().size() % item != 0)
    refuse("has " + counted(file_.bytes().size(), "byte") + ", no multiple of the " + std::to_string(item) +
           " that a token of type " + c10::toString(dtype_) + " takes; copy it again, or give its dtype");
  const uint64_t tokens = num_tokens();

  if (options.documents == Documents::kKept) {
    if (!index && !options.separator)
      refuse("has no .idx file beside it that says where documents end; give the token that does as separator");
    keep_documents(index ? index->document_ends : ends_by_separator(file_.bytes(), dtype_, *options.separator));
  } else if (tokens > length_) {
    size_ = 1 + (tokens - 1 - length_) / stride_;
  }
  if (size_ == 0)
    refuse("has " + counted(tokens, "token") + ", too few for a window of " + std::to_string(length_) +
           " and the one behind it");
}

void TokenWindows::keep_documents(const std::vector<uint64_t>& ends) {
  std::vector<uint64_t> window_ends;
  window_ends.reserve(ends.size());
  uint64_t begin = 0;
  for (const uint64_t end : ends) {
    size_ += windows_of(end - begin, length_, stride_);
    window_ends.push_back(size_);
    begin = end;
  }
  document_ends_ = detail::SharedBytes::of("documents", ends);
  window_ends_ = detail::SharedBytes::of("windows", window_ends);
}

uint64_t TokenWindows::num_tokens() const {
  return dtype_ == ScalarType::Undefined ? 0 : file_.bytes().size() / c10::elementSize(dtype_);
}

SampleSpec TokenWindows::spec() const {
  const std::vector<int64_t> shape = {static_cast<int64_t>(length_)};
  return {{"data", ScalarType::Long, shape}, {"target", ScalarType::Long, shape}};
}

TokenWindows::Range TokenWindows::range_of(size_t i) const {
  detail::require_index("TokenWindows", i, size_);
  const auto window_ends = window_ends_.as<uint64_t>();
  if (window_ends.empty()) return {i * stride_, i * stride_ + length_ + 1};
  const auto ends = document_ends_.as<uint64_t>();
  const auto k = static_cast<size_t>(std::upper_bound(window_ends.begin(), window_ends.end(), i) - window_ends.begin());
  const uint64_t begin = (k == 0 ? 0 : ends[k - 1]) + (i - (k == 0 ? 0 : window_ends[k - 1])) * stride_;
  return {begin, std::min(begin + length_ + 1, ends[k])};
}

std::string TokenWindows::describe(size_t i) const {
  const Range range = range_of(i);
  return file_.path() + ", tokens " + std::to_string(range.begin) + " to " + std::to_string(range.end - 1);
}

void TokenWindows::require_known(std::span<const int64_t> tokens, uint64_t begin) const {
  const auto most = static_cast<uint64_t>(vocabulary_.value_or(std::numeric_limits<int64_t>::max()));
  const auto unknown = std::ranges::find_if(tokens, [&](int64_t token) {
    return static_cast<uint64_t>(token) >= most;  // A negative one too.
  });
  if (unknown == tokens.end()) return;
  throw std::runtime_error("tokens: " + in_quotes(file_.path()) + " has token " + std::to_string(*unknown) +
                           " at place " + std::to_string(begin + static_cast<uint64_t>(unknown - tokens.begin())) +
                           ", the vocabulary has 0 to " + std::to_string(most - 1) +
                           "; give the dtype that the file has, or write it again");
}

void TokenWindows::read(size_t i, SampleRow& row, SampleContext& /*context*/) const {
  const Range range = range_of(i);
  const StageScope reading(Stage::kRead);
  reading.add_bytes((range.end - range.begin) * c10::elementSize(dtype_));
  const auto data = row.span<int64_t>("data"), target = row.span<int64_t>("target");
  // What is gone is an error here, and the process's end where it is looked at.
  detail::in_format("tokens", [&] { file_.require_readable(); });
  const uint64_t pairs = range.end - range.begin - 1;
  widen(file_.bytes(), dtype_, range.begin, range.end - 1, data.data());
  widen(file_.bytes(), dtype_, range.begin + 1, range.end, target.data());
  detail::in_format("tokens", [&] { file_.require_unchanged(); });
  require_known(data.first(pairs), range.begin);
  require_known(target.first(pairs), range.begin + 1);
  constexpr int64_t kNoTarget = -100;
  std::fill(data.begin() + static_cast<ptrdiff_t>(pairs), data.end(), padding_);
  std::fill(target.begin() + static_cast<ptrdiff_t>(pairs), target.end(), kNoTarget);
}

void TokenWindows::save(EncodeArchive& archive) const {
  archive(file_, dtype_, length_, stride_, padding_, vocabulary_, size_, document_ends_, window_ends_);
}

void TokenWindows::load(DecodeArchive& archive) {
  archive(file_, dtype_, length_, stride_, padding_, vocabulary_, size_, document_ends_, window_ends_);
  const auto require = [](bool holds) {
    if (!holds) throw DecodeError("TokenWindows do not fit their file, which may have become shorter");
  };
  if (size_ == 0) return;
  require(with_token_type(dtype_, [](auto) {}) && length_ > 0 && stride_ > 0);
  const auto ends = document_ends_.as<uint64_t>(), windows = window_ends_.as<uint64_t>();
  require(ends.size() == windows.size());
  if (ends.empty()) {
    require(num_tokens() > length_ && size_ - 1 <= (num_tokens() - 1 - length_) / stride_);
  } else {
    require(std::is_sorted(ends.begin(), ends.end()) && ends.back() <= num_tokens());
    uint64_t begin = 0, before = 0;
    for (size_t k = 0; k < ends.size(); ++k) {
      before += windows_of(ends[k] - begin, length_, stride_);
      require(windows[k] == before);
      begin = ends[k];
    }
    require(size_ == before);
  }
}

}  // namespace millrace
