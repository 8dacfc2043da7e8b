#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/sample_row.h"

namespace millrace {

/// Whether a window of tokens may go on from one document to the next.
enum class Documents : uint8_t { kCrossed, kKept };

struct TokenWindowsOptions {
  int64_t length = 1024;  ///< Tokens a window, from 1 on.
  /// Tokens from the beginning of a window to that of the next, 1 to length. Without it windows lie side by side; with
  /// 1 each token begins a window, of which a RandomSampler with replacement draws as nanoGPT does.
  std::optional<int64_t> stride = std::nullopt;
  Documents documents = Documents::kCrossed;
  /// The type of the tokens in a .bin file without an .idx file: an integer type.
  c10::ScalarType dtype = c10::ScalarType::UInt16;
  /// The token that ends a document in a .bin file without an .idx file. It is needed where documents are kept.
  std::optional<int64_t> separator = std::nullopt;
  int64_t padding = 0;  ///< What follows behind the end of a document that is kept.
  /// The number of tokens there are: a window with another one is an error that names its place. A negative token is
  /// one in any case.
  std::optional<int64_t> vocabulary = std::nullopt;
};

/// Windows of the token files that language models are trained on: nanoGPT's .bin, which is tokens one behind the
/// other, and Megatron-LM's .bin with an .idx file beside it, which is taken where it is there.
///
///   TokenWindows("train.bin", {.length = 1024, .stride = 1})
///
/// Fields are "data" and "target", int64 {length}: target is data one token further. Documents that are crossed make
/// windows of whole length; what is left at the end of the file is in none. Documents that are kept make windows of one
/// document each: the last of them is filled up with `padding`, and with -100 in the target, which PyTorch's
/// cross_entropy leaves out.
///
/// A value: copies share the mapped file and the list of documents, which travel as descriptors. Any thread may read.
/// A file that was written to meanwhile is an error. Do not cut the file short while it is in use: reading what is gone
/// kills the process with SIGBUS.
class TokenWindows {
 public:
  TokenWindows() = default;  ///< For the receiving side of serialize().

  /// Throws std::invalid_argument for options that do not fit, std::runtime_error with path and cure for files that are
  /// no good or have less than one window.
  explicit TokenWindows(const std::string& path, TokenWindowsOptions options = {});

  size_t size() const { return size_; }
  SampleSpec spec() const;

  /// "train.bin, tokens 2048 to 3072".
  std::string describe(size_t i) const;

  void read(size_t i, SampleRow& row, SampleContext& context) const;

  c10::ScalarType dtype() const { return dtype_; }  ///< Of the tokens in the file.
  uint64_t num_tokens() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  /// Tokens of the file.
  struct Range {
    uint64_t begin;
    uint64_t end;
  };

  Range range_of(size_t i) const;
  void keep_documents(const std::vector<uint64_t>& ends);
  void require_known(std::span<const int64_t> tokens, uint64_t begin) const;

  detail::MappedFile file_;
  c10::ScalarType dtype_ = c10::ScalarType::Undefined;
  uint64_t length_ = 0;
  uint64_t stride_ = 0;
  int64_t padding_ = 0;
  std::optional<int64_t> vocabulary_;
  uint64_t size_ = 0;
  // Empty unless documents are kept: for each document where it ends, and how many windows end with it or before.
  detail::SharedBytes document_ends_;
  detail::SharedBytes window_ends_;
};

}  // namespace millrace
