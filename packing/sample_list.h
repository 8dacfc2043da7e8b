#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "millrace/sharing/os/regular_file.h"

namespace millrace::packing {

/// Where the bytes of one file of a sample come from: a text, or a piece of a file on the disk.
struct SourceFile {
  std::string extension;  ///< In the shard: "jpg", "cls".
  std::string path;       ///< The file on the disk; empty: the bytes are `text`.
  std::string text;
  FileStamp stamp;      ///< What the file on the disk was like when it was listed; zeros when it was not there.
  uint64_t offset = 0;  ///< Where the piece begins.
  uint64_t size = 0;    ///< Bytes.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(extension, path, text, stamp, offset, size);
  }
};

/// A sample that is to be packed.
struct SourceSample {
  std::string key;  ///< In the shard.
  std::vector<SourceFile> files;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(key, files);
  }
};

/// All samples that are to be packed, in the order of their source. Takes some 200 bytes a sample and its paths: a
/// million fit anywhere. For one thread.
class SampleList {
 public:
  SampleList() = default;
  SampleList(SampleList&&) = default;
  SampleList& operator=(SampleList&&) = default;

  void add(const SourceSample& sample);

  size_t size() const { return keys_.size(); }

  /// Sample `i`. REQUIRES: i < size().
  SourceSample operator[](size_t i) const;

  /// The files on the disk that samples are in, each at least once.
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  static constexpr uint64_t kText = ~uint64_t{0};

  /// A text of which there are few different ones.
  uint64_t word(const std::string& text);

  struct File {
    uint64_t extension;  // Its word.
    uint64_t path;       // Which of paths_, or kText.
    uint64_t offset;     // The word of the text, where there is no path.
    uint64_t size;
  };

  std::vector<std::string> keys_;
  std::vector<uint64_t> file_ends_;  // Sample i has files file_ends_[i - 1] .. file_ends_[i] - 1.
  std::vector<File> files_;
  std::vector<std::string> paths_;
  std::vector<FileStamp> stamps_;
  std::map<std::string, uint64_t> numbers_;  // Of each word.
  std::vector<const std::string*> words_;    // By their numbers.
};

}  // namespace millrace::packing
